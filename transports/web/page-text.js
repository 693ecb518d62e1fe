/**
 * A message's text as nodes: links, and code in backquotes, or in three of them, which may have lines. Not a character
 * is added or left out, so what somebody copies is what was sent.
 *
 * @module
 */

import { make } from "./page-elements.js";

const PARTS = /```[^`\n]*\n(?:(?!```)[^])+```|`[^`\n]+`|https?:\/\/[^\s<>"'`]+/g;
const AFTER_LINK = /[.,:;!?)\]}]+$/;
const WORD = "[\\p{L}\\p{N}_]"; // what is `\w` to the terminal client

/**
 * Tell whether a text has a name as a word of its own, in any case. An `@` before it belongs to it, and a dot after it
 * ends a sentence, unless a longer name continues there.
 *
 * @param {string} text
 * @param {string} name
 */
export function mentions(text, name) {
  return name !== "" && pattern(name).test(text);
}

/** @type {Map<string, RegExp>} */
const patterns = new Map();

/** @param {string} name */
function pattern(name) {
  const known = patterns.get(name);
  if (known) return known;
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const made = new RegExp(`(?<!${WORD}|[.-])@?${escaped}(?!${WORD}|-|\\.${WORD})`, "iu");
  patterns.set(name, made);
  return made;
}

/**
 * @param {string} text
 * @returns {Node[]}
 */
export function nodesOf(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(PARTS)) {
    const node = match[0].startsWith("`") ? codeOf(match[0]) : linkOf(match[0]);
    if (node === undefined) continue;
    nodes.push(document.createTextNode(text.slice(at, match.index)), node);
    at = match.index + node.textContent.length;
  }
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

/** @param {string} found with its quotes, which are there to be copied */
function codeOf(found) {
  const parts = /^(```[^\n]*\n|`)([^]+?)(\n?```|`)$/.exec(found)?.slice(1) ?? [];
  const [begin, code, end] = parts;
  const tick = (/** @type {string} */ text) => make("span", { class: "tick" }, text);
  return make("code", found.startsWith("```") ? { class: "block" } : {}, tick(begin), code, tick(end));
}

/** @param {string} found */
function linkOf(found) {
  const href = found.replace(AFTER_LINK, "");
  if (!URL.canParse(href)) return undefined;
  return make("a", { href, target: "_blank", rel: "noopener noreferrer" }, href);
}
