//! What a person sees of a package: its weight, the rules it was made by, and the page with the map,
//! looked at in a real browser.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::browser::{Look, look};
use crate::world::World;

/// Names as somebody could choose them to get into the page.
const HOSTILE: [&str; 4] = [
    "data/<img src=x onerror=alert(1)>.bin",
    "data/</script><script>alert(2)<!--",
    "data/\"'&amp;{{data}}${x}\u{2028}\u{202e}txt.bin",
    "__proto__/constructor",
];

/// A Node app: its dependencies lie in the folder, so no registry is asked. `alpha` weighs three times
/// what `beta` does, but compresses well.
fn world() -> World {
    let world = World::new().file(
        "rzap.yaml",
        "app: shop\nruntime: nodejs22.x\nstages: { dev: {} }\nfunctions:\n  web: { handler: index.handler }\n  \
         jobs: { handler: index.handler }\n  small: { handler: index.handler, dir: small }\n",
    );
    let world =
        world.file("index.js", "exports.handler = async () => 1\n").file("small/index.js", "exports.handler = 1");
    world.write("node_modules/alpha/lib/big.js", &"// the same again\n".repeat(50_000));
    world.write("node_modules/alpha/package.json", "{}");
    world.write("node_modules/beta/index.js", &noise(300_000, 1));
    world.write("node_modules/beta/bin/tool.exe", &noise(200_000, 2));
    for (number, name) in HOSTILE.iter().enumerate() {
        world.write(name, &noise(60_000, 3 + number as u64));
    }
    world.write(".git/objects/pack", &"x".repeat(5_000));
    world
}

/// Text that does not compress to less than about six bits a letter.
fn noise(length: usize, seed: u64) -> String {
    let letters: Vec<char> = ('0'..='9').chain('a'..='z').chain('A'..='Z').chain(['-', '_']).collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters[usize::try_from(state % 64).expect("small")]
    };
    (0..length).map(|_| next()).collect()
}

/// The page about the packages of a world.
fn page(world: &World) -> PathBuf {
    let file = world.root().join("report.html");
    world.args(&["package", "--quiet", "--report", file.to_str().expect("UTF-8")]).success();
    file
}

fn clean(looked: Look) -> Vec<Value> {
    assert!(looked.problems.is_empty(), "{:?}", looked.problems);
    looked.values
}

/// Name → share of the map's area, of the boxes that can be clicked.
const AREAS: &str = "(() => { const map = document.getElementById('map').getBoundingClientRect(); \
    return Object.fromEntries([...document.querySelectorAll('.box.top')].map((box) => { \
    const { width, height } = box.getBoundingClientRect(); \
    return [box.querySelector('.name')?.textContent ?? box.ariaLabel, width * height / (map.width * map.height)]; })); })()";

const CRUMBS: &str = "[...document.querySelectorAll('#crumbs .name')].map((crumb) => crumb.textContent)";

const ROWS: &str = "[...document.querySelectorAll('#rows .name')].map((name) => name.textContent)";

#[expect(clippy::cast_precision_loss, reason = "sizes of test files")]
fn share(parts: &Value, name: &str, measure: &str) -> f64 {
    let parts = parts.as_array().expect("parts");
    let size = |part: &Value| part[measure].as_u64().expect("a size") as f64;
    let total: f64 = parts.iter().map(size).sum();
    size(parts.iter().find(|part| part["name"] == name).unwrap_or_else(|| panic!("no {name}"))) / total
}

#[test]
fn the_boxes_are_as_large_as_what_they_stand_for() {
    let world = world();
    let file = page(&world);
    let weights = world.run("package --quiet --json").success().json()["weights"].clone();
    let weights = weights.as_array().expect("weights");
    let parts = &weights.iter().find(|one| one["functions"] == json!(["jobs", "web"])).expect("web")["parts"];
    let steps = json!([
        { "eval": AREAS },
        { "click": "#measure label:last-of-type" },
        { "eval": AREAS },
        { "eval": "document.querySelector('#crumbs').textContent" },
    ]);
    let values = clean(look(&file, &steps));
    for (areas, measure) in [(&values[0], "unzipped"), (&values[1], "zipped")] {
        for name in ["alpha", "beta", "data", "__proto__"] {
            let label = if ["data", "__proto__"].contains(&name) { format!("{name}/") } else { name.to_owned() };
            let (expected, drawn) = (share(parts, name, measure), areas[&label].as_f64().unwrap_or_default());
            assert!((drawn - expected).abs() < 0.01, "{name} {measure}: {drawn} instead of {expected}\n{areas}");
        }
    }
    assert!(values[0]["alpha"].as_f64() > values[0]["beta"].as_f64());
    assert!(values[1]["alpha"].as_f64() < values[1]["beta"].as_f64());
    assert!(values[2].as_str().is_some_and(|text| text.ends_with("zipped")), "{}", values[2]);
}

#[test]
fn a_click_opens_a_box_and_there_are_ways_back() {
    let world = world();
    let file = page(&world);
    let open = "document.querySelector('.box.top[aria-label^=beta]').click()";
    let steps = json!([
        { "eval": open }, { "eval": CRUMBS }, { "eval": AREAS }, { "eval": ROWS }, { "eval": "location.hash" },
        { "back": true }, { "eval": CRUMBS },
        { "eval": open }, { "click": "#crumbs button" }, { "eval": CRUMBS },
        { "click": "#rows button" }, { "eval": CRUMBS },
        // A real click in the middle of the first box.
        { "back": true }, { "click": "#map .box.top" }, { "eval": CRUMBS },
    ]);
    let values = clean(look(&file, &steps));
    assert_eq!(values[1], json!(["jobs, web", "beta"]));
    let areas = values[2].as_object().expect("areas");
    assert_eq!(areas.keys().collect::<Vec<_>>(), ["index.js", "bin/"]);
    assert!((areas["index.js"].as_f64().unwrap_or_default() - 0.6).abs() < 0.01, "{areas:?}");
    assert_eq!(values[3], json!(["index.js", "bin/"]));
    assert_eq!(values[4], "#0/beta");
    assert_eq!((&values[5], &values[7]), (&json!(["jobs, web"]), &json!(["jobs, web"])));
    assert_eq!(values[8], json!(["jobs, web", "alpha"]));
    assert_eq!(values[9][1], "alpha", "{}", values[9]);
}

#[test]
fn the_keyboard_reaches_everything() {
    let world = world();
    let file = page(&world);
    let focused = "document.activeElement.ariaLabel?.split(',')[0]";
    let steps = json!([
        { "eval": "document.querySelector('#map [tabindex=\"0\"]').focus()" },
        { "eval": focused },
        { "press": "ArrowRight" }, { "eval": focused },
        { "eval": "document.getElementById('tip').textContent" },
        { "press": "Enter" }, { "eval": CRUMBS }, { "eval": focused },
        { "press": "Escape" }, { "eval": CRUMBS }, { "eval": focused },
        { "eval": "document.getElementById('package').focus()" },
        { "press": "Tab" }, { "type": ".exe" },
        { "eval": ROWS }, { "eval": "document.getElementById('summary').textContent" },
    ]);
    let values = clean(look(&file, &steps));
    assert_eq!((&values[1], &values[2]), (&json!("alpha"), &json!("beta")));
    assert!(values[3].as_str().is_some_and(|tip| tip.contains("beta") && tip.contains("unzipped")), "{}", values[3]);
    assert_eq!((&values[4], &values[5]), (&json!(["jobs, web", "beta"]), &json!("index.js")));
    assert_eq!((&values[6], &values[7]), (&json!(["jobs, web"]), &json!("beta")));
    assert_eq!(values[9], json!(["node_modules/beta/bin/tool.exe"]));
    assert!(values[10].as_str().is_some_and(|text| text.starts_with("1 file of 10 match: 195.3 kB")), "{}", values[10]);
}

#[test]
fn names_are_text_whatever_they_are() {
    let world = world();
    let file = page(&world);
    let text = fs::read_to_string(&file).expect("the page");
    assert_eq!(text.matches("</script>").count(), 2, "only the page's own two scripts end");
    assert!(text.contains("default-src 'none'"));
    let steps = json!([
        { "click": "#grouping label:last-of-type" },
        { "eval": "document.querySelector('.box.top[aria-label^=data]').click()" },
        { "eval": ROWS },
        { "eval": "[document.querySelectorAll('img, #map script, #rows script').length, document.scripts.length]" },
        { "eval": "document.querySelector('#rows tr').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))" },
        // Even what would be put in as markup does not run.
        { "eval": "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"document.title = 1\" id=bad>'), document.getElementById('bad').click(), document.title" },
    ]);
    let looked = look(&file, &steps);
    // The last step is refused by the page's policy, and the browser says so.
    assert!(looked.problems.iter().all(|problem| problem.contains("Content Security Policy")), "{:?}", looked.problems);
    assert_eq!(looked.problems.len(), 1, "{:?}", looked.problems);
    let rows: Vec<&str> = looked.values[1].as_array().expect("rows").iter().filter_map(Value::as_str).collect();
    assert!(rows.contains(&"<img src=x onerror=alert(1)>.bin"), "{rows:?}");
    assert!(rows.contains(&"\"'&amp;{{data}}${x}\u{2028}\u{202e}txt.bin"), "{rows:?}");
    assert!(rows.iter().any(|name| name.starts_with("</script><script>alert(2)<!--") || *name == "</"), "{rows:?}");
    assert_eq!(looked.values[2], json!([0, 2]));
    assert_eq!(looked.values[4], "jobs, web · shop dev");
}

#[test]
fn the_page_fits_and_is_light_or_dark() {
    let world = world();
    let file = page(&world);
    let state = "[document.documentElement.scrollWidth <= innerWidth, document.querySelectorAll('.box.top').length, \
        getComputedStyle(document.body).backgroundColor, \
        document.getElementById('list').getBoundingClientRect().top > document.getElementById('map').getBoundingClientRect().bottom - 1]";
    let steps = json!([
        { "size": [1600, 900] }, { "scheme": "light" }, { "eval": state },
        { "size": [400, 800] }, { "scheme": "dark" }, { "eval": state },
    ]);
    let values = clean(look(&file, &steps));
    let (wide, narrow) = (&values[0], &values[1]);
    assert_eq!((&wide[0], &narrow[0]), (&json!(true), &json!(true)), "nothing scrolls sideways");
    assert_eq!(wide[1], narrow[1]);
    assert_eq!((&wide[2], &narrow[2]), (&json!("rgb(251, 251, 250)"), &json!("rgb(23, 23, 22)")));
    assert_eq!((&wide[3], &narrow[3]), (&json!(false), &json!(true)), "the table stands beside the map, or below");
}

#[test]
fn the_table_sorts_and_the_selector_changes_the_package() {
    let world = world();
    let file = page(&world);
    let steps = json!([
        { "eval": ROWS },
        { "click": "#heads th:first-child button" }, { "eval": ROWS },
        { "click": "#heads th:nth-child(3) button" }, { "eval": ROWS },
        { "eval": "(() => { const select = document.getElementById('package'); select.value = '1'; \
                   select.dispatchEvent(new Event('change')); return [...select.options].map((option) => option.text); })()" },
        { "eval": CRUMBS }, { "eval": ROWS },
        { "back": true }, { "eval": CRUMBS },
        { "eval": "[...document.querySelectorAll('#savings dt:first-child, #rules dt:first-child')].map((what) => what.textContent)" },
    ]);
    let values = clean(look(&file, &steps));
    assert_eq!(values[0].as_array().expect("rows")[..2], [json!("alpha"), json!("beta")]);
    let names: Vec<&str> = values[1].as_array().expect("rows").iter().filter_map(Value::as_str).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(values[2][0], "beta", "by what they have in the zip");
    assert_eq!(values[3], json!(["jobs, web", "small"]));
    assert_eq!((&values[4], &values[5]), (&json!(["small"]), &json!(["index.js"])));
    assert_eq!(values[6], json!(["jobs, web"]));
    assert_eq!(values[7], json!(["drop: [\"*.exe\"]", "version-control"]));
}

#[test]
fn twenty_thousand_files_are_no_trouble() {
    let world = World::new().app("hello-python");
    for number in 0..20_000 {
        world.write(
            &format!("data/{}/{}/{number}.json", number % 7, number % 100),
            &format!("{number:0>width$}", width = 20 + number % 90),
        );
    }
    let file = page(&world);
    let steps = json!([
        { "eval": "performance.timing.domComplete - performance.timing.responseEnd" },
        { "eval": "document.querySelectorAll('*').length" },
        { "eval": "(() => { const start = performance.now(); document.getElementById('filter').value = '77'; \
                   document.getElementById('filter').dispatchEvent(new Event('input')); return performance.now() - start; })()" },
        { "eval": "document.getElementById('summary').textContent" },
    ]);
    let values = clean(look(&file, &steps));
    // Milliseconds; a tenth of it on an idle machine.
    assert!(values[0].as_f64().is_some_and(|time| time < 5_000.0), "{}", values[0]);
    assert!(values[1].as_u64().is_some_and(|elements| elements < 5_000), "{}", values[1]);
    assert!(values[2].as_f64().is_some_and(|time| time < 3_000.0), "{}", values[2]);
    assert!(values[3].as_str().is_some_and(|text| text.contains("of 20,001 match")), "{}", values[3]);
}

#[test]
fn what_was_left_out_is_explained() {
    let world = World::new().app("hello-python").file("a.csv", "1").file(".git/config", "x").file(".git/HEAD", "xy");
    for number in 0..7 {
        world.write(&format!("lib{number}/__pycache__/a.pyc"), "x");
    }
    world.edit("rzap.yaml", "http: url", "http: url\nexclude: [\"*.csv\"]");
    let output = world.run("package --quiet --explain").success();
    insta::assert_snapshot!(output.stdout, @r#"
    web: 11 files, 137 B, left out

    rzap: 1 file, 126 B
      rzap.yaml  126 B
      why: it is for rzap, not for the function
      to have it in: `include: ["/rzap.yaml"]`

    bytecode: 7 files, 7 B
      lib0/__pycache__/  1 B
      lib1/__pycache__/  1 B
      lib2/__pycache__/  1 B
      lib3/__pycache__/  1 B
      lib4/__pycache__/  1 B
      and 2 more (-v shows all)
      why: it belongs to the Python that made it; Lambda's makes its own
      to have it in: `include: ["/lib0/__pycache__/"]`

    version-control: 2 files, 3 B
      .git/  3 B
      why: the history is no part of the app
      to have it in: `include: ["/.git/"]`

    exclude: 1 file, 1 B
      a.csv  1 B
      why: a pattern of yours under `exclude` says so
      to have it in: `include: ["/a.csv"]`

    rules that found nothing:
      system-files: .DS_Store Thumbs.db desktop.ini
      editor-files: .idea .vscode *.swp *.swo *~
      tool-caches: .pytest_cache .mypy_cache .ruff_cache .tox .nox
      virtualenv: .venv folders with a pyvenv.cfg
      cache-folders: folders with a CACHEDIR.TAG
      secrets: .env .envrc .aws .ssh id_rsa id_dsa id_ecdsa id_ed25519 .env.*
      node-modules: node_modules
    "#);
    let all = world.run("package --quiet --explain -v").success();
    assert!(all.stdout.contains("  lib6/__pycache__/  1 B\n") && !all.stdout.contains("more"), "{all}");

    let document = world.run("package --quiet --explain --json").success().json();
    let rules = document["explained"][0]["rules"].as_array().expect("rules").clone();
    let rule =
        |name: &str| rules.iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("no {name}")).clone();
    assert_eq!(rule("bytecode")["left_out"].as_array().map(Vec::len), Some(7));
    assert_eq!((&rule("version-control")["files"], &rule("version-control")["unzipped"]), (&json!(2), &json!(3)));
    assert_eq!((&rule("secrets")["files"], &rule("secrets")["what"][0]), (&json!(0), &json!(".env")));

    // What it says to have it in does just that.
    world.edit("rzap.yaml", "http: url", "http: url\ninclude: [\"/a.csv\", \"/.git/\"]");
    let files = world.run("package --quiet --json").success().json()["packages"]["web"]["files"].clone();
    assert_eq!(files, json!(4), "app.py, a.csv and .git");
}

#[test]
fn a_report_that_would_be_packed_is_told_of() {
    let world = World::new().app("hello-python");
    let output = world.run("package --report page.html").success();
    output.says(&["warning: page.html lies in the project", "`exclude: [/page.html]`"]);
    assert!(output.stdout.ends_with("report: page.html\n"), "{output}");
    world.edit("rzap.yaml", "http: url", "http: url\nexclude: [/page.html]");
    let output = world.run("package --report page.html").success();
    assert!(!output.stderr.contains("warning"), "{output}");
    world.run("package --report no/such/folder/page.html").failure(1).says(&["no/such/folder/page.html"]);
    world.run("package --report .").failure(2).says(&["is a folder", "hint: "]);
}

#[test]
fn a_package_too_large_says_what_to_do_as_data_too() {
    let world = World::new().app("hello-python");
    world.write("data/x", "");
    let file = fs::File::options().write(true).open(world.project().join("data/x")).expect("a file");
    file.set_len(300 << 20).expect("a sparse file");
    let error = world.run("package --quiet --json").failure(1).json()["error"].clone();
    assert_eq!(
        (&error["details"]["limit"], &error["details"]["parts"][0]["name"]),
        (&json!(262_144_000), &json!("data"))
    );
    assert_eq!(error["details"]["folders"][0]["unzipped"], json!(300_u64 << 20));
}
