//! What people and scripts see of settings.

use super::super::table;
use super::{file, resolve};
use serde_json::json;

#[test]
fn the_table_is_aligned_and_80_columns_wide() {
    let text = "\n[cache]\nlimit = '500 MB'\n";
    let resolved = resolve(&["--patience", "5"], &[("SPOT_STATE", "/srv/spot")], text);
    let expected = "\
file: /etc/spot.toml

setting            value                       from
server             the server used last        default
device             /users/me/device            default
output             auto                        default
port               0                           default
patience           5 s                         command line --patience
prefetch           on                          default
serve.listen       port 4070 of all addresses  default
serve.state        /srv/spot                   environment SPOT_STATE
serve.cdn          no CDN                      default
cache.dir          /users/me/cache             default
cache.limit        500 MB                      file, line 3
peers.mode         full                        default
peers.neighbours   50                          default
peers.uploads      4                           default
peers.upload-rate  0                           default
";
    assert_eq!(resolved.settings.table(&file(text)), expected);
}

#[test]
fn a_value_that_is_too_long_has_its_origin_on_the_next_line() {
    let key = "ab".repeat(32);
    let resolved = resolve(&["--server", &format!("music.example:4070#{key}")], &[], "");
    let table = resolved.settings.table(&file(""));
    let mut lines = table.lines().skip_while(|line| !line.starts_with("server"));
    assert_eq!(lines.next(), Some(format!("server             music.example:4070#{key}").as_str()));
    let below = lines.next().unwrap_or_default();
    assert_eq!(below.trim_start(), "command line --server");
    assert_eq!(below.len(), 80);
    assert!(lines.all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn scripts_get_one_object_for_each_setting() {
    let resolved = resolve(&["--port", "7"], &[("SPOT_OUTPUT", "null")], "[cache]\nlimit = '1 GiB'\n");
    let rows: Vec<_> = resolved.settings.rows().iter().map(super::super::Row::json).collect();
    assert_eq!(rows.len(), table::ALL.len());
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).cloned().unwrap_or_default();
    assert_eq!(row("server"), json!({ "key": "server", "value": null, "from": "default" }));
    let port = json!({ "key": "port", "value": "7", "from": "command line", "name": "--port" });
    assert_eq!(row("port"), port);
    let output = json!({ "key": "output", "value": "null", "from": "environment", "name": "SPOT_OUTPUT" });
    assert_eq!(row("output"), output);
    let limit = json!({ "key": "cache.limit", "value": "1 GiB", "from": "file", "path": "/etc/spot.toml", "line": 2 });
    assert_eq!(row("cache.limit"), limit);
}
