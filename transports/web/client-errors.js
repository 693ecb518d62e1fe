/**
 * What can go wrong, as classes; `code` and `reason` are what a program decides by, and `message` is for people.
 *
 *     ChatError
 *     ├── UsageError         an invalid argument; nothing was sent
 *     ├── ClosedError        you have closed the chat before the call, or before its answer came
 *     ├── RefusedError       the server said no: `code`, `room`, `id`, `retryAfter`
 *     ├── DisconnectedError  the connection ended for good: `reason`, `reconnectAfter`
 *     └── ProtocolError      the server broke the protocol, or is no chat server
 *
 * @module
 */

/** @typedef {import("../../docs/protocol.js").ErrorFrame} ErrorFrame */

/** The root of all errors of this client. */
export class ChatError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = new.target.name;
  }
}

/** An argument is invalid: the message says what is allowed. Nothing was sent. */
export class UsageError extends ChatError {}

/** You have closed the chat before the call, or before its answer came. */
export class ClosedError extends ChatError {}

/** The server broke the protocol, or is no chat server. The connection is closed for good. */
export class ProtocolError extends ChatError {}

/**
 * The server said no. `code` is one of the protocol's, or a newer server's own. `retryAfter` is in seconds, and
 * `undefined` where trying again does not help.
 */
export class RefusedError extends ChatError {
  /** @param {Omit<ErrorFrame, "type">} frame */
  constructor({ code, message, room, id, retry_after }) {
    super(message);
    this.code = code;
    this.room = room;
    this.id = id;
    this.retryAfter = retry_after;
  }
}

/**
 * The connection ended. `reason` is that of the server's `closing` frame, `"timeout"` if the server fell silent, and
 * `"lost"` otherwise. A chat that reconnects ends with this only where there is no way back, as after `"taken_over"`.
 */
export class DisconnectedError extends ChatError {
  /**
   * @param {string} reason
   * @param {number} [reconnectAfter] seconds, where the server named a time
   */
  constructor(reason, reconnectAfter) {
    super(`the connection ended (${reason})`);
    this.reason = reason;
    this.reconnectAfter = reconnectAfter;
  }
}
