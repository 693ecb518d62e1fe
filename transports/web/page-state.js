/**
 * The state of the connection, in words.
 *
 * @module
 */

const REASONS = /** @type {Record<string, string>} */ ({
  drain: "the server restarts",
  timeout: "the server does not answer",
  lost: "the connection was lost",
  stalled: "this page was too slow",
  nick_taken: "your name is in use",
  limit_exceeded: "the server is full",
});

/**
 * @param {string} state
 * @param {any} offline the event that says why, if there was one
 * @param {boolean} wasLive whether there was a connection before
 */
export function stateOf(state, offline, wasLive) {
  if (state === "live") return "";
  if (state === "closed") return "closed";
  if (state === "connecting" && offline === undefined) return "connecting…";
  if (!wasLive && offline?.reason === "lost")
    return "no connection; if there is a proxy, it has to pass on Host and Upgrade; trying again";
  return `offline: ${REASONS[offline?.reason] ?? offline?.reason ?? "no connection yet"}; trying again`;
}
