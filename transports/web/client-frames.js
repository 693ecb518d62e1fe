/**
 * Names, ids and keys: what the protocol allows, how names are compared, and how new ids and keys are made.
 *
 * Only what the server could not answer is checked here. It never repeats an invalid name or id, so nobody could say
 * which call such an answer belongs to.
 *
 * @module
 */

import { UsageError } from "./client-errors.js";

const NAME = /^[A-Za-z0-9._-]+$/;
const PRINTABLE = /^[ -~]{1,64}$/;
const SECRET = /^[!-~]{1,128}$/;
const KEY = /^[!-~]{43,4096}$/;
const LONE_SURROGATES = /[\ud800-\udfff]/gu;

/**
 * The form of a nick or a room's name in which two spellings of it are equal. Names are ASCII.
 *
 * @param {string} name
 */
export const fold = (name) => name.toLowerCase();

/** @param {string} room */
export function checkRoom(room) {
  check(NAME.test(room) && room.length <= 64, "a room's name is 1 to 64 ASCII letters, digits, '-', '_' or '.'");
  return room;
}

/** @param {string} nick */
export function checkNick(nick) {
  check(NAME.test(nick) && nick.length <= 32, "a nick is 1 to 32 ASCII letters, digits, '-', '_' or '.'");
  return nick;
}

/** @param {string} id */
export function checkId(id) {
  check(PRINTABLE.test(id), "an id is 1 to 64 printable ASCII characters");
  return id;
}

/**
 * A text that UTF-8 can carry; half a character becomes U+FFFD.
 *
 * @param {string} text
 */
export function checkText(text) {
  check(typeof text === "string" && text !== "", "a text has at least one character");
  return text.replace(LONE_SURROGATES, "\ufffd");
}

/**
 * Check what proves who we are. The messages repeat none of it.
 *
 * @param {{session?: string, key?: string, invite?: string}} proofs
 */
export function checkProofs({ session, key, invite }) {
  check(session === undefined || SECRET.test(session), "a session is a secret of an earlier welcome");
  check(key === undefined || KEY.test(key), "a key is 43 to 4096 printable ASCII characters without spaces");
  check(invite === undefined || SECRET.test(invite), "an invite is 1 to 128 printable ASCII characters without spaces");
  check(invite === undefined || key !== undefined, "an invite needs a key of yours: make one with newKey()");
}

/**
 * The address of a server's socket, from that of its page. One of `ws://` or `wss://` stays as it is.
 *
 * @param {string | URL} address
 */
export function socketAddress(address) {
  const url = URL.canParse(String(address)) ? new URL(address) : null;
  check(url !== null && /^(https?|wss?):$/.test(url.protocol), "an address is http://HOST:PORT/ or https://HOST/");
  if (url.protocol.startsWith("ws")) return url.href;
  const socket = new URL("ws", url);
  socket.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return socket.href;
}

/** A new id for a post: a UUID of version 7, which begins with the time. Works without a secure context, too. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setUint32(0, Math.floor(Date.now() / 0x10000));
  new DataView(bytes.buffer).setUint16(4, Date.now() % 0x10000);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * A new key: 256 random bits, as 43 characters. Make one for each device, and keep it before it is sent: with the
 * invite that it was first shown with, it is the account.
 */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/**
 * @param {boolean} right
 * @param {string} rule
 * @returns {asserts right}
 */
function check(right, rule) {
  if (!right) throw new UsageError(rule);
}
