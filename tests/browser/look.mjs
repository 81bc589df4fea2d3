// Looks at one page as told: `node look.mjs URL < steps.json`, answers with one JSON document.
//
// Steps: {size: [w, h]}, {scheme: "dark"}, {eval: "expression"}, {click: "selector" | [x, y]}, {press: "Enter"},
// {type: "text"}, {back: true}, {picture: "file.png"}. The answer has the values of the evals in order, and every
// problem: errors, anything on the console, dialogs, requests for anything but the page.
import chromium from '@sparticuz/chromium';
import puppeteer from 'puppeteer-core';

const url = process.argv[2];
let input = '';
for await (const chunk of process.stdin) input += chunk;

const executablePath = process.env.CHROMIUM || await chromium.executablePath();
const browser = await puppeteer.launch({ executablePath, args: chromium.args, headless: 'shell' });
const answer = { browser: await browser.version(), values: [], problems: [] };
try {
  const page = await browser.newPage();
  const problem = (what) => answer.problems.push(what);
  page.on('console', (message) => problem(`console: ${message.text()}`));
  page.on('pageerror', (error) => problem(`error: ${error.message}`));
  page.on('dialog', (dialog) => { problem(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (request.url().split('#')[0] !== url) problem(`request: ${request.url()}`); });
  await page.setViewport({ width: 1280, height: 800 });
  await page.goto(url);
  for (const step of JSON.parse(input)) {
    const [[verb, value]] = Object.entries(step);
    if (verb === 'size') await page.setViewport({ width: value[0], height: value[1] });
    else if (verb === 'scheme') await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
    else if (verb === 'eval') answer.values.push(await page.evaluate(value) ?? null);
    else if (verb === 'click' && Array.isArray(value)) await page.mouse.click(...value);
    else if (verb === 'click') await page.click(value);
    else if (verb === 'press') await page.keyboard.press(value);
    else if (verb === 'type') await page.keyboard.type(value);
    else if (verb === 'back') await page.goBack();
    else if (verb === 'picture') await page.screenshot({ path: value });
    else throw new Error(`no such step: ${verb}`);
    // What a step sets off (a new layout, say) has happened when the next one is taken.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(answer));
