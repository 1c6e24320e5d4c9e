//! Documents changed on their way out.

use actix_web::web::Bytes;
use url::form_urlencoded;

use crate::resources::Resource;

/// What stands where ESPI's namespace should.
const OTHER_NAMESPACE: &str = "http://example.test/another-format";

/// A maintenance page as gateways have them.
pub(super) const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Maintenance</title></head>\
     <body><h1>We will be back soon</h1></body></html>\n";

/// What a gateway of another kind says.
pub(super) const JSON: &str = "{\"entries\":[],\"status\":\"ok\"}";

/// How far an answer of another time lies before what was asked for, in seconds: a hundred days.
const EARLIER: i64 = 100 * 86_400;

/// The document with another namespace in the place of ESPI's two.
pub(super) fn wrong_namespace(body: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(body);
    text.replace("http://naesb.org/espi", OTHER_NAMESPACE)
        .into()
}

/// The document as if it were somebody else's: every id that the request names is another one, and an
/// authorization in it has ended.
pub(super) fn foreign(body: &Bytes, resource: Option<&Resource>) -> Bytes {
    let mut text = String::from_utf8_lossy(body).into_owned();
    if let Some(id) = resource.and_then(Resource::authorization) {
        text = text.replace(&format!("/{id}"), &format!("/{}", id + 500_000));
    }
    if let Some(Resource::BatchUsagePoint(_, point)) = resource {
        text = text.replace(point.as_str(), &other_point(point));
    }
    if let Some(Resource::UsagePoints(_)) = resource {
        text = with_other_points(&text);
    }
    let ended = text.replace(":status>1<", ":status>0<");
    ended.replace("<status>1<", "<status>0<").into()
}

/// The text with another id in each link to a usage point.
fn with_other_points(text: &str) -> String {
    const LINK: &str = "/UsagePoint/";
    let mut pieces = text.split(LINK);
    let mut changed = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece
            .find(|digit: char| !digit.is_ascii_digit())
            .unwrap_or(piece.len());
        let (point, rest) = piece.split_at(end);
        changed.extend([LINK, &other_point(point), rest]);
    }
    changed
}

/// Another ten digits.
fn other_point(point: &str) -> String {
    let turned = |digit: char| {
        digit.to_digit(10).map_or(digit, |it| {
            char::from(b'0' + (9 - u8::try_from(it).unwrap_or(0)))
        })
    };
    point.chars().map(turned).collect()
}

/// The query with its window moved to an earlier time.
pub(super) fn earlier(query: &str) -> String {
    let mut moved = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let shifted = value
            .parse::<i64>()
            .ok()
            .filter(|_| name.starts_with("published-"))
            .map(|seconds| (seconds - EARLIER).to_string());
        moved.append_pair(&name, shifted.as_deref().unwrap_or(&value));
    }
    moved.finish()
}

/// The feed without the entries that hold a reading type. Entries are written on one line, without
/// anything between them.
pub(super) fn without_reading_types(body: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(body);
    let mut kept = String::with_capacity(text.len());
    for piece in text.split_inclusive("</ns1:entry>") {
        let entry = piece.find("<ns1:entry").unwrap_or(0);
        let (before, own) = piece.split_at(entry);
        kept.push_str(before);
        if !own.contains(":ReadingType ") && !own.contains(":ReadingType>") {
            kept.push_str(own);
        }
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_window_moves() {
        assert_eq!(
            earlier("published-min=8640001&published-max=8640002&x=5"),
            "published-min=1&published-max=2&x=5"
        );
    }

    #[test]
    fn ids_become_other_ids() {
        let resource = Resource::BatchUsagePoint(7, "1234567890".to_owned());
        let body = Bytes::from_static(b"<a href='Subscription/7/UsagePoint/1234567890'/>");
        let changed = foreign(&body, Some(&resource));
        assert_eq!(
            changed,
            "<a href='Subscription/500007/UsagePoint/8765432109'/>"
        );
    }
}
