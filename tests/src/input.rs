//! What the tests type to the programs that they start.

use std::{io::BufRead, thread};

use tokio::sync::mpsc;

/// Lines of the input of this program.
pub fn lines() -> mpsc::Receiver<String> {
    let (tell, lines) = mpsc::channel(4);
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
