//! Fills in a form the way a browser does: what the page offers is what can be sent.

use reqwest::Method;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{Page, VisitorError};

/// A form that is ready to be sent.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) fields: Vec<(String, String)>,
}

/// One control of a form.
struct Control {
    name: String,
    kind: Kind,
}

enum Kind {
    /// Text of any sort, hidden fields included.
    Text(String),
    /// A check box or radio button, or an option of a select: a value that can be chosen.
    Choice { value: String, chosen: bool },
}

/// Fills in the form that `selector` names, or whose button it names.
pub(super) fn fill(
    page: &Page,
    selector: &str,
    given: &[(&str, &str)],
) -> Result<Filled, VisitorError> {
    let html = page.html();
    let (form, button) = find(&html, selector).ok_or_else(|| page.not_there(selector))?;
    let controls = controls(form);
    let mut fields = values(&controls, given)?;
    if let Some((name, value)) = button.and_then(name_and_value) {
        fields.push((name, value));
    }
    target(page, form, button, fields)
}

/// The form and the button that is pressed: the one named, or the form's first.
fn find<'a>(html: &'a Html, selector: &str) -> Option<(ElementRef<'a>, Option<ElementRef<'a>>)> {
    let selector = Selector::parse(selector).ok()?;
    let element = html.select(&selector).next()?;
    if element.value().name() == "form" {
        let button = elements(element, "button, input").find(is_button);
        return Some((element, button));
    }
    let form = element.ancestors().filter_map(ElementRef::wrap);
    let form = form
        .into_iter()
        .find(|ancestor| ancestor.value().name() == "form")?;
    is_button(&element).then_some((form, Some(element)))
}

fn target(
    page: &Page,
    form: ElementRef<'_>,
    button: Option<ElementRef<'_>>,
    fields: Vec<(String, String)>,
) -> Result<Filled, VisitorError> {
    // A button may overrule its form.
    let attribute = |own: &str, of_button: &str| {
        let overruled = button.and_then(|button| button.attr(of_button));
        overruled
            .or_else(|| form.attr(own))
            .unwrap_or_default()
            .to_owned()
    };
    let action = attribute("action", "formaction");
    let mut url = page
        .url
        .join(&action)
        .map_err(|error| VisitorError::Address(action.clone(), error))?;
    if !attribute("method", "formmethod").eq_ignore_ascii_case("post") {
        url.set_query(None);
        url.query_pairs_mut().extend_pairs(&fields);
        return Ok(Filled {
            method: Method::GET,
            url,
            fields: Vec::new(),
        });
    }
    let encoding = attribute("enctype", "formenctype");
    if !encoding.is_empty() && encoding != "application/x-www-form-urlencoded" {
        return Err(VisitorError::Encoding(encoding));
    }
    Ok(Filled {
        method: Method::POST,
        url,
        fields,
    })
}

/// What the page filled in, replaced by what is given where names are equal.
fn values(
    controls: &[Control],
    given: &[(&str, &str)],
) -> Result<Vec<(String, String)>, VisitorError> {
    for (name, value) in given {
        if !controls.iter().any(|control| control.takes(name, value)) {
            return Err(VisitorError::NoField {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
                fields: controls
                    .iter()
                    .map(|control| control.name.clone())
                    .collect(),
            });
        }
    }
    let is_given = |control: &Control| given.iter().any(|(name, _)| *name == control.name);
    let kept = controls.iter().filter(|control| !is_given(control));
    let kept = kept.filter_map(|control| match &control.kind {
        Kind::Text(value)
        | Kind::Choice {
            value,
            chosen: true,
        } => Some((control.name.clone(), value.clone())),
        Kind::Choice { chosen: false, .. } => None,
    });
    let given = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Ok(kept.chain(given).collect())
}

impl Control {
    fn takes(&self, name: &str, wanted: &str) -> bool {
        self.name == name
            && match &self.kind {
                Kind::Text(_) => true,
                Kind::Choice { value, .. } => value == wanted,
            }
    }
}

fn controls(form: ElementRef<'_>) -> Vec<Control> {
    let mut controls = Vec::new();
    for element in elements(form, "input, select, textarea") {
        let Some(name) = element.attr("name").filter(|name| !name.is_empty()) else {
            continue;
        };
        if element.attr("disabled").is_some() || is_button(&element) {
            continue;
        }
        let mut add = |kind| {
            controls.push(Control {
                name: name.to_owned(),
                kind,
            });
        };
        match (element.value().name(), kind_of(&element).as_str()) {
            ("select", _) => options(element).into_iter().for_each(add),
            ("textarea", _) => add(Kind::Text(element.text().collect())),
            (_, "checkbox" | "radio") => add(Kind::Choice {
                value: element.attr("value").unwrap_or("on").to_owned(),
                chosen: element.attr("checked").is_some(),
            }),
            (_, "file" | "reset" | "button") => {}
            _ => add(Kind::Text(
                element.attr("value").unwrap_or_default().to_owned(),
            )),
        }
    }
    controls
}

/// The options of a select; when the page chooses none of a single choice, the first is chosen.
fn options(select: ElementRef<'_>) -> Vec<Kind> {
    let options: Vec<(String, bool)> = elements(select, "option")
        .filter(|option| option.attr("disabled").is_none())
        .map(|option| {
            let text = || option.text().collect::<String>().trim().to_owned();
            let value = option.attr("value").map_or_else(text, str::to_owned);
            (value, option.attr("selected").is_some())
        })
        .collect();
    let first_is_chosen =
        select.attr("multiple").is_none() && !options.iter().any(|(_, chosen)| *chosen);
    let numbered = options.into_iter().enumerate();
    numbered
        .map(|(index, (value, chosen))| Kind::Choice {
            value,
            chosen: chosen || (first_is_chosen && index == 0),
        })
        .collect()
}

fn name_and_value(button: ElementRef<'_>) -> Option<(String, String)> {
    let name = button.attr("name").filter(|name| !name.is_empty())?;
    Some((
        name.to_owned(),
        button.attr("value").unwrap_or_default().to_owned(),
    ))
}

fn is_button(element: &ElementRef<'_>) -> bool {
    let kind = kind_of(element);
    let is_enabled = element.attr("disabled").is_none();
    is_enabled
        && match element.value().name() {
            "button" => kind.is_empty() || kind == "submit",
            "input" => kind == "submit" || kind == "image",
            _ => false,
        }
}

fn kind_of(element: &ElementRef<'_>) -> String {
    element
        .attr("type")
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// The elements below `element` that match a selector known to be well formed.
fn elements<'a>(element: ElementRef<'a>, selector: &str) -> impl Iterator<Item = ElementRef<'a>> {
    let selector = Selector::parse(selector).ok();
    let found: Vec<ElementRef<'a>> = selector
        .iter()
        .flat_map(|selector| element.select(selector))
        .collect();
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    const FORM: &str = r#"
        <form action="/next?old=1" method="post" id="f">
          <input type="hidden" name="csrf" value="abc">
          <input name="name" value="Casey">
          <input type="checkbox" name="agreement" value="1" checked>
          <input type="checkbox" name="agreement" value="2">
          <input name="off" value="x" disabled>
          <select name="period"><option>12 months</option><option value="24">24 months</option></select>
          <textarea name="note">hello</textarea>
          <button name="do" value="authorize">Authorize</button>
          <button name="do" value="cancel" formmethod="get" formaction="/no">Cancel</button>
        </form>"#;

    fn page(body: &str) -> Page {
        Page {
            url: Url::parse("https://a.example/folder/page?x=1").unwrap(),
            status: 200,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn pairs(filled: &Filled) -> String {
        let pairs = filled
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={value};"));
        pairs.collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_form_is_sent_as_the_page_filled_it_in() {
        let filled = fill(&page(FORM), "form", &[]).unwrap();
        assert_eq!(filled.method, Method::POST);
        assert_eq!(filled.url.as_str(), "https://a.example/next?old=1");
        assert_eq!(
            pairs(&filled),
            "csrf=abc;name=Casey;agreement=1;period=12 months;note=hello;do=authorize;"
        );
    }

    #[test]
    fn given_values_replace_those_of_the_page() {
        let given = [
            ("agreement", "1"),
            ("agreement", "2"),
            ("period", "24"),
            ("name", "Robin"),
        ];
        let filled = fill(&page(FORM), "#f", &given).unwrap();
        assert_eq!(
            pairs(&filled),
            "csrf=abc;note=hello;agreement=1;agreement=2;period=24;name=Robin;do=authorize;"
        );
    }

    #[test]
    fn a_button_can_be_pressed_and_overrule_its_form() {
        let filled = fill(&page(FORM), "button[value=cancel]", &[("name", "")]).unwrap();
        assert_eq!(filled.method, Method::GET);
        assert_eq!(filled.url.path(), "/no");
        assert!(
            filled.url.query().unwrap().ends_with("name=&do=cancel"),
            "{}",
            filled.url
        );
    }

    #[test]
    fn what_the_page_does_not_offer_cannot_be_sent() {
        let refused = |selector: &str, given: &[(&str, &str)]| {
            fill(&page(FORM), selector, given).unwrap_err().to_string()
        };
        assert!(refused("form", &[("agreement", "3")]).contains("no field \"agreement\""));
        assert!(refused("form", &[("off", "y")]).contains("no field \"off\""));
        assert!(refused("#other", &[]).contains("\"#other\" is not on the page"));
        assert!(refused("textarea", &[]).contains("is not on the page"));
        let upload = page(r#"<form method=post enctype="multipart/form-data"></form>"#);
        assert!(matches!(
            fill(&upload, "form", &[]),
            Err(VisitorError::Encoding(_))
        ));
    }
}
