/**
 * What a chat tells and takes, as types: its events and its options. There is no code here.
 *
 * @module
 */

/** @typedef {import("../../docs/protocol.js").Ack} Ack */
/** @typedef {import("../../docs/protocol.js").Closing} Closing */
/** @typedef {import("../../docs/protocol.js").ErrorFrame} ErrorFrame */
/** @typedef {import("../../docs/protocol.js").Gap} Gap */
/** @typedef {import("../../docs/protocol.js").Invited} Invited */
/** @typedef {import("../../docs/protocol.js").Joined} Joined */
/** @typedef {import("../../docs/protocol.js").Left} Left */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Moderated} Moderated */
/** @typedef {import("../../docs/protocol.js").NickFrame} NickFrame */
/** @typedef {import("../../docs/protocol.js").Presence} Presence */
/** @typedef {import("../../docs/protocol.js").Welcome} Welcome */
/** @typedef {import("./client-errors.js").ChatError} ChatError */
/** @typedef {import("./client-errors.js").RefusedError} RefusedError */
/** @typedef {import("./client-link.js").Patience} Patience */
/** @typedef {import("./client-posts.js").Unsent} Unsent */

/**
 * What is not a frame of the server:
 *
 * - `connecting`: a connection is tried now. `welcome` says that it is there, and `offline` that it is not.
 * - `offline`: there is none, for the `reason` of the server's `closing`, the `code` of its refusal, `"timeout"` or
 *   `"lost"`. It is tried again in `retryIn` seconds. `message` is what the server says of a refusal, for people.
 * - `unsent`: the list `unsent` of the chat has changed. It comes before anything new is sent, so that it can be
 *   stored first.
 * - `stale`: these were sent too long ago to be sent again by themselves. They may be stored or not. Posted under the
 *   same id they are stored once, if the server still knows that id.
 * - `refused`: this post was refused for good.
 * - `closed`: it is over, for whatever reason; nothing follows.
 *
 * A `welcome` comes without its secret, since whoever logs events would log that: it is the chat's `session`.
 *
 * @typedef {Omit<Welcome, "session">} Welcomed
 * @typedef {{type: "connecting"}} Connecting
 * @typedef {{type: "offline", reason: string, retryIn: number, message?: string}} Offline
 * @typedef {{type: "unsent"}} UnsentChanged
 * @typedef {{type: "stale", posts: Unsent[]}} Stale
 * @typedef {{type: "refused", post: Unsent, error: RefusedError}} Refused
 * @typedef {{type: "closed", error: ChatError}} Closed
 * @typedef {Welcomed | Joined | Message | Ack | Gap | Presence | Left | NickFrame | Moderated | Invited | ErrorFrame
 *   | Closing | Connecting | Offline | UnsentChanged | Stale | Refused | Closed} ChatEvent
 */

/**
 * `nick` is what we ask for. `session` is the secret of an earlier chat, which gives its nick back. `key` proves an
 * account, and `invite` makes the key one of an account. `client` names the program. `unsent` is what an earlier chat
 * had no answer to. Rooms are resumed with at most `mostMissed` messages; what is left out is a gap `skipped`. Without
 * `reconnect` a loss ends the chat. `backoff` and `patience` are in seconds; a socket may be of another `WebSocket`.
 *
 * @typedef {object} Options
 * @property {string} nick
 * @property {(event: ChatEvent) => void} [onEvent]
 * @property {string} [session]
 * @property {string} [key]
 * @property {string} [invite]
 * @property {string} [client]
 * @property {readonly Unsent[]} [unsent]
 * @property {number} [mostMissed]
 * @property {boolean} [reconnect]
 * @property {{first?: number, longest?: number}} [backoff]
 * @property {Partial<Patience>} [patience]
 * @property {typeof WebSocket} [WebSocket]
 */

export {};
