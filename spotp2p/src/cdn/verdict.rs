//! What an answer's head means for the request.

use super::head::Head;
use super::limits::Limits;
use super::refusal::Refusal;
use super::request::Get;
use super::target::Target;

/// What to do with an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Take the pieces from its body, `skip` bytes behind its beginning. `whole`: more of the file follows them.
    Take { skip: u64, whole: bool },
    /// There is nothing for the request in it.
    Refuse(Refusal),
    /// Ask there.
    Redirect(Target),
}

impl Verdict {
    /// On the final answer to `get`.
    pub(super) fn on(get: &Get, head: &Head, limits: &Limits) -> Self {
        let taken = match head.status {
            206 => part(get, head),
            200 => whole(get, head, limits),
            301 | 302 | 303 | 307 | 308 => {
                let location = head.location.as_deref().ok_or(Refusal::Status(head.status));
                return match location.and_then(|location| get.target.redirected(location)) {
                    Ok(target) => Self::Redirect(target),
                    Err(why) => Self::Refuse(why),
                };
            }
            _ => Err(refusal(head)),
        };
        taken.unwrap_or_else(Self::Refuse)
    }
}

/// 206: exactly what was asked for, or nothing of use. A server may leave the file's length open; one that names
/// another length has another file.
fn part(get: &Get, head: &Head) -> Result<Verdict, Refusal> {
    let asked = get.bytes();
    // Several ranges in one body have none in the head, and were not asked for.
    let range = head.range.as_ref().filter(|range| range.bytes == asked).ok_or(Refusal::WrongRange)?;
    if head.encoded {
        return Err(Refusal::Encoded);
    }
    let length = asked.end.saturating_sub(asked.start);
    let total = range.total.is_none_or(|total| total == get.geometry.ciphertext_len());
    if !total || head.body.left().is_some_and(|left| left != length) {
        return Err(Refusal::WrongLength);
    }
    Ok(Verdict::Take { skip: 0, whole: false })
}

/// 200: the whole file, which any server may send (RFC 9110 §14.2).
fn whole(get: &Get, head: &Head, limits: &Limits) -> Result<Verdict, Refusal> {
    if head.encoded {
        return Err(Refusal::Encoded);
    }
    if head.body.left().is_some_and(|left| left != get.geometry.ciphertext_len()) {
        return Err(Refusal::WrongLength);
    }
    let skip = get.bytes().start;
    if skip > limits.skip { Err(Refusal::IgnoresRanges) } else { Ok(Verdict::Take { skip, whole: true }) }
}

fn refusal(head: &Head) -> Refusal {
    let retry_after = head.retry_after;
    match head.status {
        404 | 410 => Refusal::NotFound,
        401 | 403 | 407 | 451 => Refusal::Forbidden,
        416 => Refusal::RangeRefused,
        429 | 503 => Refusal::Overloaded { retry_after },
        status @ 500..=599 => Refusal::Failed { status, retry_after },
        status => Refusal::Status(status),
    }
}
