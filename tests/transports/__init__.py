"""What every transport owes, written once and held against all of them, over real sockets."""
