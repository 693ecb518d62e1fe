// Somebody in Firefox. Each line of the input is a step, [NAME, ...ARGUMENTS]. Each gets a line: its value or its error.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const OBSERVER = readFileSync(new URL("../observer.js", import.meta.url), "utf8");
const PREFER_DARK = { "layout.css.prefers-color-scheme.content-override": 0 };
const DEADLINE = 20_000;
const POLL_MS = 50;
const NO_SERVER = /^Firefox can’t establish a connection|was interrupted while the page was loading/;

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.env.FIREFOX,
  extraPrefsFirefox: PREFER_DARK,
});
const faults = [];
const pages = [];
const page = () => pages[pages.length - 1];

/** Note what Firefox itself reports, but for a server that is not there. */
function note(words) {
  if (!NO_SERVER.test(words)) faults.push(words);
}

/** Wait until something holds in the page. What Puppeteer has for that makes a function there, as the page's policy forbids. */
async function until(holds, ...args) {
  const deadline = Date.now() + DEADLINE;
  while (!(await page().evaluate(holds, ...args))) {
    if (Date.now() > deadline) throw new Error(`${holds.name} ${args} does not hold`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const hasRow = (text, kind) =>
  [...document.querySelectorAll(`#rows > li.message${kind} > .text`)].some((each) => each.textContent === text);
const hasWords = (selector, words) => document.querySelector(selector)?.textContent.includes(words);
const isLive = () =>
  /^\s*[1-9]/.test(document.querySelector("#people-button").textContent)
  && document.querySelector("#state").textContent === "";

const steps = {
  async open(url) {
    const opened = await browser.newPage();
    opened.setDefaultTimeout(DEADLINE);
    await opened.evaluateOnNewDocument(OBSERVER);
    opened.on("console", (message) => message.type() === "error" && note(message.text()));
    opened.on("pageerror", (error) => note(error.message));
    pages.push(opened);
    await opened.goto(url);
  },
  async enter(nick) {
    await page().waitForSelector("#door-nick", { visible: true });
    await page().type("#door-nick", nick);
    await page().keyboard.press("Enter");
    await until(isLive);
  },
  async say(text) {
    await page().type("#text", text);
    await page().keyboard.press("Enter");
  },
  isLive: () => until(isLive),
  sees: (text) => until(hasRow, text, "[data-seq]"),
  seesUnsent: (text) => until(hasRow, text, ".pending"),
  isOffline: () => until(hasWords, "#state", "offline"),
  notice: () => page().evaluate(() => void dispatchEvent(new Event("online"))),
  back: () => pages.pop().close(),
  isTakenOver: () => until(hasWords, "#notice[open]", "open in another window"),
  async takeOver() {
    await Promise.all([page().waitForNavigation(), page().click("#notice-button")]);
    await until(isLive);
  },
  texts: () => page().$$eval("#rows > li.message > .text", (all) => all.map((each) => each.textContent)),
  background: () => page().$eval("body", (body) => getComputedStyle(body).backgroundColor),
  async faults() {
    const seen = await Promise.all(pages.map((each) => each.evaluate(() => globalThis.observed.faults)));
    return [...faults, ...seen.flat()];
  },
};

try {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...args] = JSON.parse(line);
    const answer = await steps[name](...args).then((value) => ({ value }), (error) => ({ error: String(error) }));
    console.log(JSON.stringify(answer));
  }
} finally {
  await browser.close();
}
