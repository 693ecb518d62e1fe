"""How the program that embeds a hub takes part: what it posts, what it reads, what it counts."""
