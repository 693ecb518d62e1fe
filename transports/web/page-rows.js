/**
 * The rows of a room, as data: what the log draws, and what it may leave as it is.
 *
 * A row has a `key` that no other row has, and a `version`: with the same two its element stays.
 *
 * @module
 */

import { button, hueOf, make } from "./page-elements.js";
import { nodesOf } from "./page-text.js";

/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Gap} Gap */
/** @typedef {import("./page-posts.js").Own} Own */
/** @typedef {import("./page-reader.js").Reader} Reader */
/** @typedef {import("./page-room.js").Room} Room */
/** @typedef {{key: string, version: string, make: () => HTMLElement}} Row */
/** @typedef {{nick: string, kind?: string, at: string}} Said */
/** @typedef {{isNewDay: boolean, isContinued: boolean}} Place */
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
  return room.isAtEnd ? [...rows, ...ownRows(unstored(own, room), reader, last, isNext)] : rows;
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
 * Our own posts: each row is as high as it will be once it is stored.
 *
 * @param {Own[]} own
 * @param {Reader} reader
 * @param {Said | undefined} last the last message
 * @param {boolean} isNext whether that is the row above
 */
function ownRows(own, reader, last, isNext) {
  return own.map((each) => {
    const { kind, at } = each.post;
    const said = { nick: reader.nick, kind, at: reader.timeOf(at) };
    const isNewDay = last === undefined || !isSameDay(last, said);
    const row = ownRow(each, said, reader, { isNewDay, isContinued: isNext && !isNewDay && isContinued(last, said) });
    last = said;
    isNext = !each.isReturned;
    return row;
  });
}

/**
 * @param {Said} one
 * @param {Said} other
 */
const isSameDay = (one, other) => new Date(one.at).toDateString() === new Date(other.at).toDateString();

/**
 * @param {Said | undefined} last
 * @param {Said} message
 */
function isContinued(last, message) {
  if (last === undefined || last.nick !== message.nick || last.kind || message.kind) return false;
  return Date.parse(message.at) - Date.parse(last.at) < GROUP_MS;
}

/**
 * @param {Message} message
 * @param {Room} room
 * @param {Reader} reader
 * @param {Place} place
 * @returns {Row}
 */
function messageRow(message, room, reader, place) {
  const id = reader.idOf(message);
  return {
    key: id === undefined ? `m ${room.window.epoch} ${message.seq}` : `mine ${id}`,
    version: `stored ${versionOf(place)}`,
    make() {
      const row = rowOf(message, place, reader.isMention(message) ? "mentioned" : "");
      row.dataset.seq = message.seq;
      row.dataset.id = message.id;
      row.append(...textOf(message));
      return row;
    },
  };
}

/**
 * A row, before its text.
 *
 * @param {Said} said
 * @param {Place} place
 * @param {string} more of what is known of it, as a class
 */
function rowOf({ nick, kind, at }, { isNewDay, isContinued }, more) {
  const classes = ["message", kind === "action" ? "action" : "", isContinued ? "continued" : "", more];
  const row = make("li", { class: classes.filter((each) => each !== "").join(" "), title: clockOf(at) });
  if (isNewDay) row.append(make("div", { class: "day" }, make("span", {}, dayOf(at))));
  if (!isContinued) row.append(headOf(nick, kind, at));
  return row;
}

/** @param {Place} place */
const versionOf = ({ isNewDay, isContinued }) => `${isNewDay} ${isContinued}`;

/**
 * @param {Own} own
 * @param {Said} said
 * @param {Reader} reader
 * @param {Place} place
 * @returns {Row}
 */
function ownRow(own, said, reader, place) {
  const { post, isReturned, why } = own;
  return {
    key: `mine ${post.id}`,
    version: `${isReturned} ${why} ${versionOf(place)}`,
    make() {
      const row = rowOf(said, place, isReturned ? "returned" : "pending");
      row.dataset.id = post.id;
      row.append(...textOf(post));
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
  const suffix = kind === "notice" ? [make("span", { class: "tag" }, "notice")] : [];
  const initial = nick.slice(0, 1); // for the style sheet, so that whoever copies a name gets a name
  const attributes = { class: `head ${hueOf(nick)}`, "data-initial": initial };
  return make("div", attributes, make("bdi", { class: "nick" }, nick), ...suffix, time);
}

/** @type {Set<string>} ids of long messages that are shown in full, also when their rows are made again */
const unfolded = new Set();

/** @param {{id: string, text: string}} message */
function textOf({ id, text }) {
  const element = make("div", { class: "text", dir: "auto" }, ...nodesOf(text));
  if (text.length <= FOLD_CHARACTERS && text.split("\n", FOLD_LINES + 1).length <= FOLD_LINES) return [element];
  const more = button("", () => {
    const isFolded = !unfolded.delete(id);
    if (isFolded) unfolded.add(id);
    fold();
    if (!isFolded) more.scrollIntoView({ block: "nearest" });
  });
  const fold = () => {
    element.classList.toggle("folded", !unfolded.has(id));
    more.textContent = unfolded.has(id) ? "Show less" : "Show all";
  };
  fold();
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
