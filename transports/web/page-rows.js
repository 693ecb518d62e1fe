/**
 * The rows of a room, as data: what the log draws, and what it may leave as it is.
 *
 * A row has a `key` that no other row has, and a `version`: with the same two its element stays.
 *
 * @module
 */

import { button, make } from "./page-elements.js";
import { nodesOf } from "./page-text.js";

/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Gap} Gap */
/** @typedef {import("./page-posts.js").Own} Own */
/** @typedef {import("./page-reader.js").Reader} Reader */
/** @typedef {import("./page-room.js").Room} Room */
/** @typedef {{key: string, version: string, make: () => HTMLElement}} Row */
const GROUP_MS = 300_000; // in which lines of one nick stand under one name
const FOLD_CHARACTERS = 1_500;
const FOLD_LINES = 20;

/**
 * @param {Room} room
 * @param {Own[]} own
 * @param {Reader} reader
 * @returns {Row[]}
 */
export function rowsOf(room, own, reader) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {Message | undefined} */
  let last;
  let isMarked = room.mark === undefined;
  let isNext = false; // whether the row before is that message
  for (const entry of room.window.entries) {
    if (entry.type === "gap") {
      rows.push(gapRow(entry, room, reader));
      isNext = false;
      continue;
    }
    if (!isMarked && entry.seq > (room.mark ?? 0) && !reader.isMine(entry)) {
      isMarked = true;
      isNext = false;
      rows.push({ key: "mark", version: "", make: markOf });
    }
    const isNewDay = last === undefined || !isSameDay(last, entry);
    rows.push(messageRow(entry, room, reader, { isNewDay, isContinued: isNext && !isNewDay && isContinued(last, entry) }));
    last = entry;
    isNext = true;
  }
  if (room.isAtEnd) rows.push(...unstored(own, room).map((each) => ownRow(each, reader)));
  return rows;
}

/**
 * Our own posts, but for those of which a page has the message before we know it.
 *
 * @param {Own[]} own
 * @param {Room} room
 */
function unstored(own, room) {
  if (!own.length) return own;
  const ids = new Set(room.window.entries.map((entry) => (entry.type === "message" ? entry.id : undefined)));
  return own.filter(({ post }) => !ids.has(post.id));
}

/**
 * @param {Message} one
 * @param {Message} other
 */
const isSameDay = (one, other) => new Date(one.at).toDateString() === new Date(other.at).toDateString();

/**
 * @param {Message | undefined} last
 * @param {Message} message
 */
function isContinued(last, message) {
  if (last === undefined || last.nick !== message.nick || message.kind) return false;
  return Date.parse(message.at) - Date.parse(last.at) < GROUP_MS;
}

/**
 * @param {Message} message
 * @param {Room} room
 * @param {Reader} reader
 * @param {{isNewDay: boolean, isContinued: boolean}} place
 * @returns {Row}
 */
function messageRow(message, room, reader, { isNewDay, isContinued }) {
  const id = reader.idOf(message);
  return {
    key: id === undefined ? `m ${room.window.epoch} ${message.seq}` : `mine ${id}`,
    version: `stored ${isNewDay} ${isContinued}`,
    make() {
      const kinds = ["message", message.kind === "action" ? "action" : "", reader.isMention(message) ? "mentioned" : ""];
      const row = make("li", { class: kinds.join(" ").trim(), title: clockOf(message.at) });
      row.dataset.seq = message.seq;
      row.dataset.id = message.id;
      if (isNewDay) row.append(make("div", { class: "day" }, make("span", {}, dayOf(message.at))));
      if (!isContinued) row.append(headOf(message.nick, message.kind, message.at));
      row.append(...textOf(message.text));
      return row;
    },
  };
}

/**
 * @param {Own} own
 * @param {Reader} reader
 * @returns {Row}
 */
function ownRow(own, reader) {
  const { post, isReturned, why } = own;
  return {
    key: `mine ${post.id}`,
    version: `${isReturned} ${why}`,
    make() {
      const row = make("li", { class: `message ${isReturned ? "returned" : "pending"}` });
      row.dataset.id = post.id;
      row.append(headOf(reader.nick, post.kind, new Date(post.at).toISOString()), ...textOf(post.text));
      if (isReturned) row.append(choiceOf(own, reader));
      else row.append(make("span", { class: "hidden" }, "not stored yet"));
      return row;
    },
  };
}

/**
 * @param {Own} own
 * @param {Reader} reader
 */
function choiceOf(own, reader) {
  const { why } = own;
  const words = why ?? "This was sent long ago, and may be stored or not.";
  const buttons = [button("Discard", () => reader.discard(own))];
  if (why === undefined) buttons.unshift(button("Send again", () => reader.sendAgain(own)));
  else buttons.unshift(button("Edit", () => reader.edit(own)));
  return make("div", { class: "why" }, make("bdi", {}, words), " ", ...buttons);
}

/**
 * @param {string} nick
 * @param {string | undefined} kind
 * @param {string} at
 */
function headOf(nick, kind, at) {
  const time = make("time", { dateTime: at }, clockOf(at));
  const suffix = kind === "notice" ? [make("span", { class: "quiet" }, "notice")] : [];
  return make("div", { class: "head" }, make("bdi", { class: `nick c${hueOf(nick)}` }, nick), ...suffix, time);
}

/** @param {string} text */
function textOf(text) {
  const element = make("div", { class: "text", dir: "auto" }, ...nodesOf(text));
  if (text.length <= FOLD_CHARACTERS && text.split("\n", FOLD_LINES + 1).length <= FOLD_LINES) return [element];
  element.classList.add("folded");
  const more = button("Show all", () => {
    const isFolded = element.classList.toggle("folded");
    more.textContent = isFolded ? "Show all" : "Show less";
  });
  return [element, more];
}

/**
 * @param {Gap} gap
 * @param {Room} room
 * @param {Reader} reader
 * @returns {Row}
 */
function gapRow(gap, room, reader) {
  return {
    key: `gap ${room.window.epoch} ${gap.after} ${gap.through} ${gap.reason}`,
    version: "",
    make() {
      const row = make("li", { class: "hole" }, make("span", {}, wordsOf(gap)));
      row.dataset.after = String(gap.after);
      row.dataset.through = String(gap.through);
      if (gap.reason === "skipped") row.append(button("Show", () => reader.show(gap)));
      return row;
    },
  };
}

/** @param {Gap} gap */
function wordsOf({ reason, count, after, through }) {
  if (reason === "reset") return "The messages of this room were lost on the server; it starts over here";
  const many = count ?? through - after;
  const messages = many === 1 ? "1 message" : `${many} messages`;
  if (reason === "skipped") return `${messages} left out`;
  if (reason === "expired") return "Older messages have expired";
  if (reason === "damaged") return `${messages} cannot be read any more`;
  return `${messages} missing`;
}

function markOf() {
  return make("li", { class: "mark" }, make("span", {}, "New"));
}

const days = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

/** @param {string} at */
const dayOf = (at) => (Number.isNaN(Date.parse(at)) ? "" : days.format(new Date(at)));

/** @param {string} at */
const clockOf = (at) => (Number.isNaN(Date.parse(at)) ? "" : clock.format(new Date(at)));

/** @param {string} nick */
function hueOf(nick) {
  let hash = 0;
  for (const character of nick.toLowerCase()) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash % 8;
}
