//! The table of routes has all of them: of the API's description, of the services' sources, of nginx.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::routes::{Guard, ROUTES};
use crate::world::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_has_every_operation_of_the_description() {
    let world = World::shared().await;
    let answer = world.send("GET", "/api/v1/openapi.json", &[], "");
    let text = answer.body.trim_start_matches(|c| c != '{');
    let document: Value = serde_json::Deserializer::from_str(text)
        .into_iter()
        .next()
        .unwrap()
        .unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        described.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    assert!(described.len() >= 18, "{described:?}");
    let guarded: BTreeSet<_> = ROUTES
        .iter()
        .filter(|route| route.2 == Guard::Key && !route.1.ends_with("/live"))
        .map(|route| (route.0.to_owned(), route.1.to_owned()))
        .collect();
    assert_eq!(guarded, described);
}

/// The addresses that services declare, scopes and resources alike, are the parts that the table is put together from.
#[test]
fn the_table_has_every_resource_of_the_sources() {
    let scopes = ["/region-connectors/aiida", "/permissions", "/api/v1", ""];
    let paths: BTreeSet<&str> = ROUTES
        .iter()
        .map(|route| route.1.split('?').next().unwrap())
        .collect();
    let mut declared = BTreeSet::new();
    for service in ["smd-auth", "aiida-permission", "aiida-stream", "console"] {
        sources(
            &root().join("services").join(service).join("src"),
            &mut |text| {
                declared.extend(literals(text));
            },
        );
    }
    assert!(declared.len() > 20, "{declared:?}");
    let is_known = |part: &str| {
        scopes.contains(&part)
            || scopes
                .iter()
                .any(|scope| paths.contains(format!("{scope}{part}").as_str()))
    };
    let missing: Vec<_> = declared.iter().filter(|part| !is_known(part)).collect();
    assert!(missing.is_empty(), "not in ROUTES: {missing:?}");
    let is_declared = |path: &str| {
        let parts = scopes.iter().filter_map(|scope| path.strip_prefix(scope));
        parts.into_iter().any(|part| declared.contains(part))
    };
    let gone: Vec<_> = paths.iter().filter(|path| !is_declared(path)).collect();
    assert!(gone.is_empty(), "in ROUTES, and declared nowhere: {gone:?}");
}

fn sources(folder: &Path, see: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            sources(&entry.path(), see);
        } else {
            see(&std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Addresses in `web::resource(…)`, `web::scope(…)`, constants, and the list of the API (a line that begins with an
/// address and names methods in braces).
fn literals(source: &str) -> Vec<String> {
    let quoted = |text: &str| {
        let text = text.trim_start().strip_prefix('"')?;
        Some(text.split_once('"')?.0.to_owned())
    };
    let mut found = Vec::new();
    for start in ["web::resource(", "web::scope("] {
        for (at, _) in source.match_indices(start) {
            let rest = &source[at + start.len()..];
            if let Some(path) = quoted(rest) {
                found.push(path);
            } else {
                let name = rest.split([')', ',']).next().unwrap();
                let name = name.rsplit("::").next().unwrap().trim();
                // In this file, or in the one that its module names; the macro's own `$path` is its list below.
                let place = format!("const {name}: &str = ");
                found.extend(
                    source
                        .split_once(&place)
                        .and_then(|(_, value)| quoted(value)),
                );
            }
        }
    }
    for line in source.lines().map(str::trim) {
        let is_listed = line.starts_with("\"/")
            && line.contains('{')
            && line.ends_with('}')
            && line.contains("::");
        found.extend(is_listed.then(|| quoted(line)).flatten());
        let constant =
            line.contains("const PATH: &str = ") || line.contains("const DOCUMENT: &str = ");
        found.extend(constant.then(|| quoted(line.split_once("= ")?.1)).flatten());
    }
    found
}

/// nginx leads to these places, and each is below an address of the table or answered by nginx itself.
#[test]
fn the_table_has_every_location_of_nginx() {
    let template =
        std::fs::read_to_string(root().join("nginx/templates/site.conf.template")).unwrap();
    // Redirects, the download folder, and what is closed.
    let own = [
        "/.well-known/acme-challenge/",
        "/output",
        "/output/",
        "/console",
        "/permissions",
        "/api",
        "/",
    ];
    let mut proxied = 0;
    let mut lines = template.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(location) = line
            .strip_prefix("location ")
            .and_then(|it| it.strip_suffix(" {"))
        else {
            continue;
        };
        let leads_on = lines
            .clone()
            .take_while(|line| !line.starts_with("location "))
            .any(|line| line.starts_with("proxy_pass"));
        let place = location.rsplit(' ').next().unwrap();
        if own.contains(&place) || place.starts_with('@') {
            // `/` is both: the consent page, and the end of everything else.
            continue;
        }
        assert!(leads_on, "{location}: neither ours nor proxied");
        proxied += 1;
        let is_known = match location.chars().next().unwrap() {
            '~' => place.contains("/live$") || place == "/again$",
            _ => ROUTES.iter().any(|route| route.1.starts_with(place)),
        };
        assert!(is_known, "{location} is below no address of ROUTES");
    }
    assert!(proxied >= 10, "{proxied}");
}
