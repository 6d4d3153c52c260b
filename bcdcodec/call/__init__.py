"""Calls: streams over a network that loses datagrams, both ends without sockets, and the loops that have some."""
