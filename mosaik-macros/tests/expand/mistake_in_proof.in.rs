#[proof(jwt)]
pub struct DeskTicket;
