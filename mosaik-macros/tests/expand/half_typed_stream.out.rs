pub struct Load { host : } :: core :: compile_error ! { "`buffer` needs a value\nhelp: write `buffer = 64`" } :: core :: compile_error ! { "this item cannot be read: something is missing here" }
