// How the page comes, without a browser: the invite of its address, parts that come later, versions, and what it may do.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";
import "./globals.mjs";
import { Access, inviteIn } from "../../transports/web/page-access.js";
import { isBan, wordsFor } from "../../transports/web/page-door.js";
import { saysInsecure } from "../../transports/web/page-insecure.js";
import { versionIn } from "../../transports/web/page-newer.js";
import { Parts } from "../../transports/web/page-parts.js";

const FIRST = readFileSync(new URL("../../transports/web/page-first.js", import.meta.url), "utf8");
const SECRET = "s".repeat(24);

/** A window at an address, in which the first script has run. */
function windowAt(hash) {
  const window = new EventTarget();
  const classes = new Set();
  window.location = { hash, pathname: "/team/", search: "", reloads: 0, reload: () => window.location.reloads++ };
  window.history = { replaceState: (_state, _title, address) => {
    window.address = address;
    window.location.hash = address.slice("/team/".length);
  } };
  window.document = { documentElement: { classList: classes } };
  const addEventListener = window.addEventListener.bind(window);
  const removeEventListener = window.removeEventListener.bind(window);
  vm.runInNewContext(FIRST, { ...window, window, addEventListener, removeEventListener, AbortController });
  return { window, classes };
}

/** An event with a target of ours: Node sets none but the one that it is dispatched on. */
function dispatch(window, type, target) {
  const event = new Event(type, { cancelable: true });
  Object.defineProperty(event, "target", { value: target });
  window.dispatchEvent(event);
}

test("the first script takes the invite out of the address, and forgets it once it is handed on", () => {
  const { window } = windowAt(`#${SECRET}`);
  assert.equal(window.address, "/team/");
  assert.equal(window.pageFirst.hash, `#${SECRET}`);
  window.pageFirst.end();
  assert.equal(window.pageFirst, undefined);
  window.location.hash = "#later";
  window.dispatchEvent(new Event("hashchange"));
  assert.equal(window.location.hash, "#later");
});

test("an invite that comes while the page is loaded is taken too", () => {
  const { window } = windowAt("");
  assert.equal(window.address, undefined);
  window.location.hash = `#${SECRET}`;
  window.dispatchEvent(new Event("hashchange"));
  assert.deepEqual([window.location.hash, window.pageFirst.hash], ["", `#${SECRET}`]);
});

test("a script that does not come is said, an image is not, and the invite is back in the address", () => {
  const { window, classes } = windowAt(`#${SECRET}`);
  classes.add = (name) => Set.prototype.add.call(classes, name);
  dispatch(window, "error", { matches: () => false });
  assert.deepEqual([[...classes], window.address], [[], "/team/"]);
  dispatch(window, "error", { matches: (selector) => selector.split(", ").includes("script") });
  assert.deepEqual([[...classes], window.address], [["broken"], `/team/#${SECRET}`]);
  dispatch(window, "click", { id: "loading" });
  assert.equal(window.location.reloads, 0);
  dispatch(window, "click", { id: "loading-again" });
  assert.deepEqual([window.location.reloads, window.address], [1, `/team/#${SECRET}`]);
});

test("whoever reloads a page that is slow has the invite again", () => {
  const { window } = windowAt(`#${SECRET}`);
  dispatch(window, "click", { id: "loading-again" });
  assert.deepEqual([window.location.reloads, window.address], [1, `/team/#${SECRET}`]);
});

test("an invite that is opened in a window whose page did not come stays in its address", () => {
  const { window } = windowAt(`#${SECRET}`);
  window.document.documentElement.classList.add = () => {};
  dispatch(window, "error", window);
  window.location.hash = "#another";
  window.dispatchEvent(new Event("hashchange"));
  dispatch(window, "click", { id: "loading-again" });
  assert.deepEqual([window.location.reloads, window.location.hash], [1, "#another"]);
});

test("an invite is found behind the number sign, and what is none is said to be none", () => {
  assert.equal(inviteIn(""), undefined);
  assert.equal(inviteIn(`#${SECRET}`), SECRET);
  assert.equal(inviteIn(`#${SECRET}).`), SECRET);
  assert.equal(inviteIn("#short"), "");
});

test("a part that did not come is asked for at another address, and one that came is asked for once", async () => {
  const asked = [];
  let isAway = true;
  const parts = new Parts(async (name) => {
    asked.push(name);
    if (isAway) throw new TypeError("away");
    return { name };
  });
  parts.add("a.js");
  parts.add("b.js");
  await parts.loadAll();
  await assert.rejects(parts.load("a.js"), TypeError);
  isAway = false;
  await parts.loadAll();
  assert.deepEqual(await parts.load("a.js"), { name: asked[3] });
  assert.equal(new Set(asked).size, asked.length);
  assert.deepEqual([asked.length, ...asked.slice(0, 2)], [5, "./a.js", "./b.js"]);
});

test("the version of a page is read from its document", () => {
  assert.equal(versionIn('<head>\n<meta name="version" content="0123456789abcdef">\n'), "0123456789abcdef");
  assert.equal(versionIn('<meta name="version" content="">'), undefined);
  assert.equal(versionIn("<h1>502 Bad Gateway</h1>"), undefined);
});

const answer = (status, text) => ({ status, ok: status === 200, text: async () => text });

async function saidAfter(...answers) {
  let silences = 0;
  const ask = async () => answers.shift() ?? Promise.reject(new TypeError("no connection"));
  const said = await saysInsecure(ask, async () => {}, () => silences++);
  return [said, silences];
}

test("only an answer says whether a server was started for a network that is not encrypted", async () => {
  const yes = answer(200, '{"insecure": true}');
  assert.deepEqual(await saidAfter(yes), [true, 0]);
  assert.deepEqual(await saidAfter(undefined, answer(502, "<h1>"), answer(429, ""), yes), [true, 3]);
  for (const no of [answer(200, '{"insecure": false}'), answer(404, ""), answer(200, "<html>"), answer(200, "null")])
    assert.deepEqual(await saidAfter(no), [false, 0]);
});

const accessOf = (device, isAllowed = true) => new Access({ device, keepDevice() {} }, { isAllowed, isOpen: false });

test("whoever opens the invite of somebody else is told so, and who they are here", () => {
  const error = { code: "forbidden", message: "this invite is for another account" };
  const ann = accessOf({ nick: "ann", account: "ann", key: "k" });
  const words = "Your invite was not used: this invite is for another account. You are ann here.";
  assert.deepEqual(ann.stays(error), { words, nick: "ann" });
  assert.match(ann.stays({ code: "unauthorized", message: "" }).words, /^This invite cannot be used.* You are ann here\.$/);
  assert.equal(ann.stays({ code: "nick_taken", message: "" }), undefined);
  assert.equal(accessOf({ nick: "ann" }).stays(error), undefined);
});

test("an invite is said to be used with a key only where there is no account yet", () => {
  const joining = { key: "k", invite: SECRET };
  assert.match(accessOf({ key: "k", joining }).accept(undefined), /with the key of this browser/);
  assert.equal(accessOf({ key: "k", account: "ann", joining }).accept(undefined), "");
});

test("another name is asked for only where it may help, whatever the server says in words", () => {
  assert.deepEqual(["ann", "Ann-2", "anna", undefined].map((nick) => accessOf({ nick, account: "ann" }).isItself),
    [true, true, false, false]);
  assert.equal(accessOf({ nick: "ann" }).isItself, false);
  assert.equal(isBan({ code: "forbidden", message: "no banned words in names, please" }), false);
  assert.equal(isBan({ code: "forbidden", message: "go away", retryAfter: 60 }), true);
  assert.equal(isBan({ reason: "banned", message: "" }), true);
  const error = { code: "forbidden", message: "you are banned" };
  assert.equal(wordsFor(error, false), "The server says: you are banned.");
  assert.equal(wordsFor(error, true), "The server says: you are banned. Choose another name.");
});
