//! Links as a whole: every form in, the normal forms out, every fault named.

use alloc::{
    format,
    string::{String, ToString},
    vec,
};
use proptest::{option, prelude::*, sample::Index};

use super::*;
use crate::id::GidError;

const TRACK: &str = "6JEK0CvvjDjjMUBFoXShNZ";
const LIST: &str = "4W5L19AvhsGC3U9xm6lQ9Q";

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn track(seconds: Option<u32>) -> Link {
    Link::Track { gid: TRACK.parse().unwrap(), at: seconds.map(Position::from_secs) }
}

fn search(query: &str) -> Link {
    Link::Search { query: text(query) }
}

#[test]
fn normal_uris_of_every_kind_read_and_print_the_same() {
    let gid: Gid = LIST.parse().unwrap();
    let user = text("gkreitz");
    let local = |artist: &str, album: &str, title: &str| Link::Local {
        artist: Text::new(artist).ok(),
        album: Text::new(album).ok(),
        title: Text::new(title).ok(),
        seconds: 6,
    };
    for (uri, link) in [
        ("spotify:track:6JEK0CvvjDjjMUBFoXShNZ", track(None)),
        ("spotify:track:6JEK0CvvjDjjMUBFoXShNZ#0:00", track(Some(0))),
        ("spotify:track:6JEK0CvvjDjjMUBFoXShNZ#0:44", track(Some(44))),
        ("spotify:track:6JEK0CvvjDjjMUBFoXShNZ#61:01", track(Some(3661))),
        ("spotify:album:4W5L19AvhsGC3U9xm6lQ9Q", Link::Album(gid)),
        ("spotify:artist:4W5L19AvhsGC3U9xm6lQ9Q", Link::Artist(gid)),
        ("spotify:playlist:4W5L19AvhsGC3U9xm6lQ9Q", Link::Playlist(gid)),
        ("spotify:episode:4W5L19AvhsGC3U9xm6lQ9Q", Link::Episode(gid)),
        ("spotify:show:4W5L19AvhsGC3U9xm6lQ9Q", Link::Show(gid)),
        (
            "spotify:user:gkreitz:playlist:4W5L19AvhsGC3U9xm6lQ9Q",
            Link::UserPlaylist { user: user.clone(), gid },
        ),
        ("spotify:user:gkreitz", Link::User(user.clone())),
        ("spotify:user:starred", Link::User(text("starred"))),
        ("spotify:user:gkreitz:starred", Link::Starred { user }),
        ("spotify:search:never+gonna+give+you+up", search("never gonna give you up")),
        ("spotify:search:genre%3Ahip-hop", search("genre:hip-hop")),
        ("spotify:local:a+b:%C3%A9:c%3Ad:6", local("a b", "é", "c:d")),
        ("spotify:local:::a:6", local("", "", "a")),
        ("spotify:local::::6", local("", "", "")),
    ] {
        assert_eq!(Link::parse(uri), Ok(link.clone()));
        assert_eq!((link.to_string(), link.uri().to_string()), (uri.to_string(), uri.to_string()));
        let web = uri.replacen("spotify:", "https://open.spotify.com/", 1);
        let (path, position) = web.split_once('#').map_or((&*web, None), |(path, at)| (path, Some(at)));
        let (host, path) = path.split_at("https://".len());
        let web = format!(
            "{host}{}{}",
            path.replace(':', "/"),
            position.map_or(String::new(), |at| format!("#{at}"))
        );
        assert_eq!(link.web().to_string(), web);
        assert_eq!(Link::parse(&web), Ok(link));
    }
}

#[test]
fn web_addresses_read_whatever_is_around_the_path() {
    for address in [
        "http://open.spotify.com/track/ID",
        "HTTPS://Open.Spotify.com/track/ID",
        "https://play.spotify.com/track/ID",
        "https://open.spotify.com/track/ID/",
        "https://open.spotify.com/track/ID?si=0123456789abcdef",
        "https://open.spotify.com/track/ID/?si=x&uri=spotify:album:x&utm_source=copy-link",
        "https://open.spotify.com/intl-de/track/ID",
        "https://open.spotify.com/Intl-pt-BR/Embed/Track/ID",
        "https://open.spotify.com/embed/track/ID?theme=0",
        "https://open.spotify.com/embed?uri=spotify:track:ID",
        "https://open.spotify.com/embed/?uri=spotify:track:ID&theme=white",
        "https://embed.spotify.com/track/ID",
        "https://embed.spotify.com/?uri=spotify:track:ID",
        "https://embed.spotify.com?uri=spotify%3Atrack%3AID",
        "http://embed.spotify.com/?theme=white&uri=%73potify%3atrack%3aID&view=list",
        "https://embed.spotify.com/?uri=spotify%3Atrack%3AID%3Fsi%3Dx",
    ] {
        let address = address.replace("ID", TRACK);
        assert_eq!(Link::parse(&address), Ok(track(None)), "{address}");
        assert_eq!(Link::parse(&format!("{address}#1:04")), Ok(track(Some(64))), "{address}");
        assert_eq!(Link::parse(&format!("{address}#0:60")), Err(LinkError::Position), "{address}");
    }
    let address = format!("https://embed.spotify.com/?uri=spotify:track:{TRACK}%231:04");
    assert_eq!(Link::parse(&address), Ok(track(Some(64))));
}

#[test]
fn kinds_read_in_any_case_and_print_in_lower_case() {
    let link = Link::parse("spotify:USER:Bob:PlayList:4W5L19AvhsGC3U9xm6lQ9Q").unwrap();
    assert_eq!(link.to_string(), "spotify:user:Bob:playlist:4W5L19AvhsGC3U9xm6lQ9Q");
    assert_eq!(Link::parse("spotify:User:bob:STARRED"), Ok(Link::Starred { user: text("bob") }));
    assert_eq!(Link::parse("spotify:Search:A"), Ok(search("A")));
    assert_ne!(
        Link::parse(&format!("spotify:album:{}", LIST.to_lowercase())),
        Ok(Link::Album(LIST.parse().unwrap()))
    );
}

#[test]
fn a_search_takes_everything_to_its_end() {
    for (form, query) in [
        ("spotify:search:genre:hip-hop+year:1980-1989", "genre:hip-hop year:1980-1989"),
        ("spotify:search::", ":"),
        ("spotify:search:what is c#?", "what is c#?"),
        ("spotify:search:björk", "björk"),
        ("https://open.spotify.com/search/genre:hip-hop/year:1980", "genre:hip-hop:year:1980"),
        ("https://open.spotify.com/search/AC%2fDC/?si=x", "AC/DC"),
        ("https://open.spotify.com/search/what%3F?si=x", "what?"),
        ("https://embed.spotify.com/?uri=spotify%3Asearch%3A100%2525+c%2523", "100% c#"),
    ] {
        assert_eq!(Link::parse(form), Ok(search(query)), "{form}");
    }
}

#[test]
fn text_in_local_uris_may_hold_what_ends_a_path_elsewhere() {
    let link = Link::parse("spotify:local:?:#1:C#?:007").unwrap();
    assert_eq!(link.to_string(), "spotify:local:%3F:%231:C%23%3F:7");
}

#[test]
fn a_query_on_a_uri_is_dropped_around_the_position_too() {
    for uri in ["spotify:track:ID?si=x#0:44", "spotify:track:ID#0:44?si=x", "spotify:track:ID?a=b?c=d#00:44"]
    {
        assert_eq!(Link::parse(&uri.replace("ID", TRACK)), Ok(track(Some(44))), "{uri}");
    }
    assert_eq!(Link::parse("spotify:user:bob?si=x"), Ok(Link::User(text("bob"))));
}

#[test]
fn what_is_no_link_is_refused() {
    for (form, error) in [
        ("", LinkError::Scheme),
        (TRACK, LinkError::Scheme),
        ("Spotify:track:ID", LinkError::Scheme),
        (" spotify:track:ID", LinkError::Scheme),
        ("ftp://open.spotify.com/track/ID", LinkError::Scheme),
        ("https:open.spotify.com/track/ID", LinkError::Scheme),
        ("https://", LinkError::Host),
        ("https://spotify.com/track/ID", LinkError::Host),
        ("https://open.spotify.com.example/track/ID", LinkError::Host),
        ("https://open.spotify.com@example.org/track/ID", LinkError::Host),
        ("https://open.spotify.com:443/track/ID", LinkError::Host),
        ("spotify:", LinkError::Missing(Part::Kind)),
        ("https://open.spotify.com", LinkError::Missing(Part::Kind)),
        ("https://open.spotify.com/intl-de/embed/", LinkError::Missing(Part::Kind)),
        ("https://open.spotify.com//track/ID", LinkError::Missing(Part::Kind)),
        ("spotify:tracks:ID", LinkError::Kind),
        ("spotify:image:ID", LinkError::Kind),
        ("spotify://track/ID", LinkError::Kind),
        ("https://open.spotify.com/intl-/track/ID", LinkError::Kind),
        ("https://open.spotify.com/embed/embed/track/ID", LinkError::Kind),
        ("https://open.spotify.com/track:ID", LinkError::Kind),
        ("spotify:user:bob:collection", LinkError::Kind),
        ("spotify:user:bob:", LinkError::Kind),
    ] {
        assert_eq!(Link::parse(&form.replace("ID", TRACK)), Err(error), "{form}");
    }
}

#[test]
fn a_missing_or_surplus_part_is_named() {
    for (form, error) in [
        ("spotify:track", LinkError::Missing(Part::Id)),
        ("spotify:track:", LinkError::Missing(Part::Id)),
        ("spotify:track:#0:44", LinkError::Missing(Part::Id)),
        ("spotify:user", LinkError::Missing(Part::User)),
        ("spotify:user::starred", LinkError::Missing(Part::User)),
        ("spotify:user:bob:playlist", LinkError::Missing(Part::Id)),
        ("spotify:search", LinkError::Missing(Part::Query)),
        ("spotify:search:", LinkError::Missing(Part::Query)),
        ("https://open.spotify.com/search/?q=x", LinkError::Missing(Part::Query)),
        ("spotify:local", LinkError::Missing(Part::Artist)),
        ("spotify:local:a", LinkError::Missing(Part::Album)),
        ("spotify:local:a:b", LinkError::Missing(Part::Title)),
        ("spotify:local:a:b:c", LinkError::Missing(Part::Seconds)),
        ("spotify:local:a:b:c:", LinkError::Missing(Part::Seconds)),
        ("spotify:local:a:b:c:6:7", LinkError::Surplus),
        ("spotify:track:ID:", LinkError::Surplus),
        ("https://open.spotify.com/track/ID//", LinkError::Surplus),
        ("spotify:user:bob:starred:x", LinkError::Surplus),
        ("spotify:user:bob:playlist:ID:x", LinkError::Surplus),
    ] {
        assert_eq!(Link::parse(&form.replace("ID", TRACK)), Err(error), "{form}");
    }
}

#[test]
fn a_bad_part_is_refused_with_its_reason() {
    let escape = |part, at| LinkError::Text(part, TextError::Escape { at });
    for (form, error) in [
        ("spotify:track:short", LinkError::Id(GidError::Length { expected: 22, found: 5 })),
        ("spotify:track:6JEK0CvvjDjjMUBFoXSh-Z", LinkError::Id(GidError::Digit { at: 20 })),
        ("spotify:album:7N42dgm5tFLK9N8MT7fHC8", LinkError::Id(GidError::Overflow)),
        ("spotify:user:%4:starred", escape(Part::User, 0)),
        ("spotify:search:a:b%zz", escape(Part::Query, 3)),
        ("spotify:search:%FF", LinkError::Text(Part::Query, TextError::NotUtf8)),
        ("spotify:local:%:b:c:6", escape(Part::Artist, 0)),
        ("spotify:local:a:b%:c:6", escape(Part::Album, 1)),
        ("spotify:local:a:b:%C3:6", LinkError::Text(Part::Title, TextError::NotUtf8)),
        ("https://embed.spotify.com/?uri=spotify%3", escape(Part::Uri, 7)),
        ("https://embed.spotify.com/?uri=%80", LinkError::Text(Part::Uri, TextError::NotUtf8)),
        ("https://embed.spotify.com/?uri=https://open.spotify.com/track/x", LinkError::Scheme),
        ("spotify:local:a:b:c:x", LinkError::Seconds),
        ("spotify:local:a:b:c:+6", LinkError::Seconds),
        ("spotify:local:a:b:c:4294967296", LinkError::Seconds),
        ("spotify:track:6JEK0CvvjDjjMUBFoXShNZ#", LinkError::Position),
        ("spotify:track:6JEK0CvvjDjjMUBFoXShNZ#0:44#0:44", LinkError::Position),
        ("spotify:track:6JEK0CvvjDjjMUBFoXShNZ#71582788:16", LinkError::PositionTooLate),
        ("spotify:album:6G9fHYDCoyEErUkHrFYfs4#0:44", LinkError::PositionMisplaced),
        ("spotify:user:bob#0:44", LinkError::PositionMisplaced),
        ("https://open.spotify.com/search/c#", LinkError::PositionMisplaced),
    ] {
        assert_eq!(Link::parse(form), Err(error), "{form}");
    }
}

#[test]
fn every_length_has_its_limit() {
    let long = "a".repeat(Text::MAX_LEN + 1);
    for (form, part) in [
        (format!("spotify:user:{long}"), Part::User),
        (format!("spotify:search:{long}"), Part::Query),
        (format!("spotify:local:::{long}:6"), Part::Title),
    ] {
        assert_eq!(Link::parse(&form), Err(LinkError::Text(part, TextError::TooLong)));
    }
    let address = format!("https://open.spotify.com/track/{TRACK}?si=");
    let fill = |len: usize| format!("{address}{}", "x".repeat(len - address.len()));
    assert_eq!(Link::parse(&fill(Link::MAX_LEN)), Ok(track(None)));
    assert_eq!(Link::parse(&fill(Link::MAX_LEN + 1)), Err(LinkError::TooLong));
}

#[test]
fn the_longest_link_is_within_the_limit_even_escaped_whole() {
    let tag = Text::new(&"\0".repeat(Text::MAX_LEN)).ok();
    let link = Link::Local { artist: tag.clone(), album: tag.clone(), title: tag, seconds: u32::MAX };
    assert_eq!(Link::parse(&embedded(&link)), Ok(link));
}

#[test]
fn errors_tell_a_person_what_is_wrong() {
    for (form, message) in [
        ("spotify:search:50%", "the search text has a % without two hexadecimal digits at byte 3"),
        ("spotify:track:6JEK", "the id has 4 characters instead of 22"),
        ("spotify:track:6JEK0CvvjDjjMUBFoXSh-Z", "character 21 of the id does not belong in one"),
        ("spotify:local:a", "the link lacks the album"),
        ("spotify:album:6G9fHYDCoyEErUkHrFYfs4#0:44", "only a link to a track can have a position"),
    ] {
        assert_eq!(Link::parse(form).unwrap_err().to_string(), message);
    }
}

/// The address of a player in a page, with every byte of the URI escaped.
fn embedded(link: &Link) -> String {
    let uri: String = link.uri().to_string().bytes().map(|b| format!("%{b:02x}")).collect();
    format!("https://embed.spotify.com/?uri={uri}")
}

fn any_text() -> impl Strategy<Value = Text> {
    prop_oneof!["(?s).{1,40}", "[ -~]{1,40}", "[:/#?%+&=.]{1,8}"].prop_map(|s| text(&s))
}

fn any_link() -> impl Strategy<Value = Link> {
    let gid = || any::<[u8; 16]>().prop_map(Gid::from_bytes);
    let tag = || option::of(any_text());
    prop_oneof![
        (gid(), option::of(any::<u32>().prop_map(Position::from_secs)))
            .prop_map(|(gid, at)| Link::Track { gid, at }),
        gid().prop_map(Link::Album),
        gid().prop_map(Link::Artist),
        gid().prop_map(Link::Playlist),
        gid().prop_map(Link::Episode),
        gid().prop_map(Link::Show),
        (any_text(), gid()).prop_map(|(user, gid)| Link::UserPlaylist { user, gid }),
        any_text().prop_map(Link::User),
        any_text().prop_map(|user| Link::Starred { user }),
        any_text().prop_map(|query| Link::Search { query }),
        (tag(), tag(), tag(), any::<u32>()).prop_map(|(artist, album, title, seconds)| Link::Local {
            artist,
            album,
            title,
            seconds
        }),
    ]
}

/// What reads, prints; and what is printed is the normal form: it reads as the same and prints the same.
fn read_print_read(form: &str) -> Result<(), TestCaseError> {
    let Ok(link) = Link::parse(form) else { return Ok(()) };
    for normal in [link.uri().to_string(), link.web().to_string()] {
        prop_assert!(normal.is_ascii());
        prop_assert_eq!(Link::parse(&normal), Ok(link.clone()), "{}", normal);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_link_reads_back_from_every_form(link in any_link()) {
        for form in [link.uri().to_string(), link.web().to_string(), embedded(&link)] {
            prop_assert_eq!(Link::parse(&form), Ok(link.clone()), "{}", form);
        }
    }

    #[test]
    fn no_text_panics(form in "(?s).{0,80}") {
        let _ = Link::parse(&form);
        read_print_read(&format!("spotify:{form}"))?;
        read_print_read(&format!("spotify:search:{form}"))?;
        read_print_read(&format!("https://open.spotify.com/{form}"))?;
        read_print_read(&format!("https://embed.spotify.com/?uri={form}"))?;
    }

    #[test]
    fn words_of_the_grammar_in_any_order_never_panic(
        words in prop::collection::vec(prop::sample::select(&[
            "spotify:", "https://open.spotify.com/", "track", "user", "search", "local", "playlist", "starred", ":", "/",
            "#", "?", "uri=", "&", "%", "%3A", "%C3", "+", "0:44", "6", "é", "intl-de/", "embed/", TRACK,
        ][..]), 0..12),
    ) {
        read_print_read(&words.concat())?;
        read_print_read(&format!("spotify:{}", words.concat()))?;
    }

    #[test]
    fn a_damaged_link_reads_as_a_link_or_not_at_all(
        link in any_link(), web: bool, at: Index, kept: Index, put in "(?s).{0,3}",
    ) {
        let form = if web { link.web().to_string() } else { link.uri().to_string() };
        let at = at.index(form.len() + 1);
        let kept = at + kept.index(form.len() - at + 1);
        read_print_read(&format!("{}{put}{}", &form[..at], &form[kept..]))?;
    }
}
