//! Faults before the response head: what must end one request and touch no other.

use spin_sdk::http::ResponseOutparam;

use crate::{respond, stream};

/// Commits the named fault; gives the answer back when the name is no fault.
#[expect(clippy::panic, reason = "a trap is what is tested")]
pub(crate) async fn commit(fault: &str, out: ResponseOutparam) -> Option<ResponseOutparam> {
    match fault {
        "trap" => panic!("before the response head"),
        "loop" => stream::spin(),
        "silence" => drop(out),
        "hog" => {
            let mebibytes = hog();
            respond(out, 200, mebibytes.to_string().into_bytes()).await;
        }
        _ => return Some(out),
    }
    None
}

/// Takes memory until there is no more; the number of mebibytes it got.
fn hog() -> usize {
    const MEBIBYTE: usize = 1024 * 1024;
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut piece = Vec::new();
        if piece.try_reserve_exact(MEBIBYTE).is_err() {
            return taken.len();
        }
        piece.resize(MEBIBYTE, 1);
        taken.push(piece);
    }
}
