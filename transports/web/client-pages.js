/**
 * Pages of history, the law of reading in them, and what was found.
 *
 * From `base` on, messages and gaps each begin where the one before ended. A first gap that ends at `base` says what
 * of the request has expired. Whatever breaks this throws `ProtocolError`.
 *
 * @module
 */

import { ProtocolError } from "./client-errors.js";
import { fold } from "./client-frames.js";
import { endsOf } from "./client-rooms.js";

/** @typedef {import("../../docs/protocol.js").Page} Page */
/** @typedef {import("../../docs/protocol.js").HistoryFrame} HistoryFrame */
/** @typedef {import("../../docs/protocol.js").Found} Found */
/** @typedef {import("../../docs/protocol.js").Search} Search */
/** @typedef {import("./client-rooms.js").Entry} Entry */

const RESULTS_MAX = 100;

/**
 * The messages and gaps of a page, in their order.
 *
 * @param {Page} page
 * @returns {Entry[]}
 */
export function entriesOf(page) {
  const gaps = (page.gaps ?? []).map((gap) => /** @type {Entry} */ ({ type: "gap", room: page.room, ...gap }));
  const entries = [...gaps, ...page.messages].sort((one, other) => endsOf(one)[1] - endsOf(other)[1]);
  const first = entries[0];
  let at = first?.type === "gap" && first.through === page.base ? first.after : page.base;
  for (const entry of entries) {
    const [start, end] = endsOf(entry);
    if (start !== at || !(end > start) || fold(entry.room) !== fold(page.room))
      throw new ProtocolError(`a page of ${page.room} has a ${entry.type} after ${start}, not after ${at}`);
    at = end;
  }
  return entries;
}

/**
 * Check that a page is the one that was asked for.
 *
 * @param {Page} page
 * @param {HistoryFrame} asked
 */
export function checkPage(page, asked) {
  const entries = entriesOf(page);
  if (fold(page.room) !== fold(asked.room) || page.messages.length > (asked.limit ?? Infinity))
    throw new ProtocolError(`a page of ${page.room} is not the one that we asked for`);
  // In another epoch our numbers mean nothing.
  if (asked.epoch === undefined || asked.epoch === page.epoch) checkBounds(page, asked, entries);
}

/**
 * @param {Page} page
 * @param {HistoryFrame} asked
 * @param {Entry[]} entries
 */
function checkBounds(page, { after, before }, entries) {
  const [start, end] = entries.length ? endsOf(entries[0]) : [page.base, Infinity];
  if (after !== undefined && (start > after || end <= after))
    throw new ProtocolError(`a page of ${page.room} begins after ${start}, and we asked after ${after}`);
  const last = page.messages.at(-1)?.seq ?? 0;
  if (before !== undefined && last >= Math.max(before, 1))
    throw new ProtocolError(`a page of ${page.room} ends with ${last}, and we asked before ${before}`);
}

/**
 * Check results. They have to lead further, or whoever asks for the next ones would do so forever.
 *
 * @param {Found} found
 * @param {Search} asked
 */
export function checkFound(found, asked) {
  const { room, limit = RESULTS_MAX, cursor } = asked;
  if (room !== undefined && found.messages.some((message) => fold(message.room) !== fold(room)))
    throw new ProtocolError(`a search in ${room} found messages of other rooms`);
  if (found.messages.length > limit) throw new ProtocolError("a search found more messages than we asked for");
  if (found.cursor !== undefined && found.cursor === cursor) throw new ProtocolError("a search does not lead further");
}
