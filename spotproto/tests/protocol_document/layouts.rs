//! Tables of bytes: that their offsets add up, and that each field lies where its table says.

use crate::document::{Document, Table};
use crate::messages::{body, file, gid, open, read_message};
use crate::values::{NOW, hello, link_key, signed_ticket, ticket, welcome};
use spotproto::message::{Message, Wanted};
use spotproto::noise::{Pattern, Role};
use spotproto::preamble::{LinkId, MAGIC, PREAMBLE_LEN, Preamble, SUITE};
use spotproto::ticket::SIGNED_TICKET_LEN;

#[test]
fn the_offsets_of_every_table_add_up() {
    let document = Document::read();
    let tables: Vec<&Table> = document.layouts().collect();
    assert!(tables.len() >= 15, "{} tables of bytes", tables.len());
    for table in tables {
        table.size();
    }
}

#[test]
fn a_preamble_has_its_fields_where_the_table_says() {
    let document = Document::read();
    let table = document.table("2.2 Preamble", "offset");
    assert_eq!(table.size(), Some(PREAMBLE_LEN));
    let link = LinkId([7; 16]);
    let bytes = Preamble { pattern: Pattern::Xx, role: Role::Responder, link }.encode();
    for (field, value) in [
        ("magic", &MAGIC[..]),
        ("version", &[spotproto::preamble::PROTOCOL_VERSION]),
        ("pattern", &[1]),
        ("cipher suite", &[SUITE]),
        ("role", &[1]),
        ("link id", &link.0),
    ] {
        assert_eq!(table.field(field, &bytes), value, "{field}");
    }
}

#[test]
fn a_ticket_has_its_fields_where_the_table_says() {
    let document = Document::read();
    let table = document.table("11. Tickets", "offset");
    assert_eq!(table.size(), Some(SIGNED_TICKET_LEN));
    let (statement, signed) = (ticket(), signed_ticket());
    for (field, value) in [
        ("version", &[1][..]),
        ("key id", &signed.key_id().0),
        ("pseudonym", &statement.pseudonym.0),
        ("link key", &statement.link_key.0),
        ("rights", &statement.rights.0.to_be_bytes()),
        ("not after", &statement.not_after.0.to_be_bytes()),
    ] {
        assert_eq!(table.field(field, signed.as_bytes()), value, "{field}");
    }
}

#[test]
fn messages_have_their_fields_where_the_tables_say() {
    let document = Document::read();
    let hello_body = body(&Message::Hello(Box::new(hello())));
    let table = document.table("7.1 HELLO", "offset");
    assert_eq!(table.field("link key", &hello_body), link_key().0);
    assert_eq!(table.field("port", &hello_body), 4070u16.to_be_bytes());
    assert_eq!(table.field("agent", &hello_body), b"\x0aspot 0.1.0");

    let welcome_body = body(&Message::Welcome(Box::new(welcome())));
    let table = document.table("7.2 WELCOME", "offset");
    assert_eq!(table.size(), Some(welcome_body.len()));
    assert_eq!(table.field("pseudonym", &welcome_body), ticket().pseudonym.0);
    assert_eq!(table.field("issuer", &welcome_body), welcome().issuer.0);
    assert_eq!(table.field("now", &welcome_body), NOW.0.to_be_bytes());
    assert_eq!(table.field("ticket", &welcome_body), signed_ticket().as_bytes());

    let table = document.table("7.3 OPEN", "offset");
    for (wanted, what, name) in
        [(Wanted::Track(gid()), 0, &gid().as_bytes()[..]), (Wanted::File(file()), 1, &file().0)]
    {
        let open_body = body(&open(wanted));
        assert_eq!(table.field("urgency", &open_body), [1]);
        assert_eq!(table.field("credit", &open_body), 5u16.to_be_bytes());
        assert_eq!(table.field("at", &open_body), 61_500u32.to_be_bytes());
        assert_eq!(table.field("what", &open_body), [what]);
        assert_eq!(table.field("name", &open_body), name);
    }

    let read_body = body(&read_message(None));
    let table = document.table("7.5 READ", "offset");
    assert_eq!(table.field("urgency", &read_body), [0]);
    assert_eq!(table.field("file", &read_body), file().0);
    // 70 takes two bytes, 3 one.
    assert_eq!(table.field("pieces", &read_body), [0x40, 70, 3]);

    let table = document.table("7.8 PLAYING", "offset");
    let playing_body = body(&Message::Playing { file: file() });
    assert_eq!(table.size(), Some(playing_body.len()));
    assert_eq!(table.field("file", &playing_body), file().0);
}
