//! `mosaik::main!`: the function `main` of a program that is made of nodes.

/// Makes the function `main` of a program from its nodes: `mosaik::main!(sensor, display);`.
///
/// `[teller; 3]` starts three of one node when the program is started without naming nodes. See
/// `--help` of any such program for its command line.
///
/// ```no_run
/// mod cash {
///     #[mosaik::node(network = "bank")]
///     pub async fn teller() -> mosaik::Result<()> {
///         Ok(())
///     }
/// }
///
/// #[mosaik::node(network = "bank")]
/// async fn auditor(shutdown: mosaik::Shutdown) -> mosaik::Result<()> {
///     shutdown.requested().await;
///     Ok(())
/// }
///
/// mosaik::main!([cash::teller; 3], auditor);
/// ```
///
/// Nodes that prove something with tickets that the program makes itself are given where these come from, before their names:
/// `mosaik::main!(tickets = sources(), desk)`, with a [`TicketSources`](crate::node::TicketSources). A file that the command line or a
/// variable names for a proof comes first.
#[macro_export]
macro_rules! main {
    (@entries [$($done:tt)*]) => { &[$($done)*] };
    (@entries [$($done:tt)*] [$node:path; $count:expr] $(, $($rest:tt)*)?) => {
        $crate::main!(@entries [
            $($done)* $crate::__private::NodeEntry { count: $count, ..$crate::__private::NodeEntry::of::<$node>() },
        ] $($($rest)*)?)
    };
    (@entries [$($done:tt)*] $node:path $(, $($rest:tt)*)?) => {
        $crate::main!(@entries [$($done)* $crate::__private::NodeEntry::of::<$node>(),] $($($rest)*)?)
    };
    (tickets = $sources:expr, $($nodes:tt)+) => {
        fn main() -> ::std::process::ExitCode {
            $crate::__private::run_main_with($crate::main!(@entries [] $($nodes)+), $sources)
        }
    };
    ($($nodes:tt)+) => {
        fn main() -> ::std::process::ExitCode {
            $crate::__private::run_main($crate::main!(@entries [] $($nodes)+))
        }
    };
}
