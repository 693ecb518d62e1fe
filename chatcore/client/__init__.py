"""The client's side of a conversation, without I/O: what both clients of `transports` drive.

It is internal: users import the public names from `chatcore`, and a `Chat` from one transport. Nothing here
imports the server. Read it in this order:

1. `session`: the seam. `ClientSession` is one client's conversation, over any number of connections. Its
   states, and what a driver owes it, stand there.
2. `connection`: what is lost with a socket: the decoder, the frames to be sent, the signs of life.
3. `identity`: who we are to the server, and which messages are ours.
4. `calls`: what a caller asks, and `arguments`: what may be given.
5. `requests`: what was asked and is not answered yet, and which answer belongs to which request.
6. `send_queue`: posts from the call until the acknowledgement, in their order, however often they are sent.
7. `positions`: how far each room was received, and how far the user has taken it.
8. `events`: what waits for the user, and how much of it.
9. `refill`: what did not fit there, asked for again.
10. `pages`: the law of reading in a page of history, and what a page of results may hold.
11. `redial`: whether to connect again, `backoff`: when, and `route`: to which of several addresses;
    `foreign`: that this is no server of ours.
12. `posting`: a conversation that enters one room and posts, which needs no models.

None of the others knows `session`, which puts them together. State is written by its owner only.
"""
