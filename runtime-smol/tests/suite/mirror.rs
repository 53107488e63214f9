//! A web server with one file, of a few lines.

use crate::LOOPBACK;
use crate::music::Shelf;
use crate::runtimes::Bench;
use alloc::sync::Arc;
use core::future::poll_fn;
use spotp2p_adapter::{SocketOptions, listen};

/// Where it is.
pub(crate) struct Mirror(String);

impl Mirror {
    /// Serves until the runtime ends.
    pub(crate) fn start<R: Bench>(shelf: &Shelf) -> Self {
        let file: Arc<[u8]> = shelf.pieces.concat().into();
        let mut listener = listen::<R>(LOOPBACK, &SocketOptions::default()).expect("a free port");
        let url = format!("http://{}/file", listener.local_addr().expect("an address"));
        R::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                R::spawn(converse::<R>(stream, file.clone()));
            }
        });
        Self(url)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

/// Answers requests until there are no more.
async fn converse<R: Bench>(mut stream: R::Stream, file: Arc<[u8]>) {
    let mut heard = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        match poll_fn(|cx| R::poll_read(&mut stream, cx, &mut buffer)).await {
            Ok(count @ 1..) => heard.extend_from_slice(&buffer[..count]),
            _ => return,
        }
        while let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            let request: Vec<u8> = heard.drain(..end + 4).collect();
            let answer = answer(&String::from_utf8(request).expect("text"), &file);
            let mut unsent = &answer[..];
            while !unsent.is_empty() {
                match poll_fn(|cx| R::poll_write(&mut stream, cx, unsent)).await {
                    Ok(count) => unsent = &unsent[count..],
                    Err(_) => return,
                }
            }
        }
    }
}

/// The bytes that are asked for (RFC 9110 §14).
fn answer(request: &str, file: &[u8]) -> Vec<u8> {
    let range = request.to_ascii_lowercase();
    let range = range.split_once("range: bytes=").expect("a range is asked for").1;
    let (first, last) = range.lines().next().and_then(|range| range.split_once('-')).expect("a range");
    let first: usize = first.parse().expect("a number");
    let last = last.parse().map_or(file.len() - 1, |last: usize| last.min(file.len() - 1));
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n",
        last + 1 - first,
        file.len()
    );
    [head.as_bytes(), &file[first..=last]].concat()
}
