"""Compiled execution: what graphql-core answers, for a tenth of the time.

graphql-core finds out for each field of each object what it is, asks its resolver, and looks at the answer through five
functions. Here that is done once for each document, and what remains is a generated Python function for each selection
set (`compile`, `leaves`). A list is completed level by level, not item by item: first what all its items hold
themselves, then each edge for all of them, by one call of its loader and with each thing found completed once
(`columns`, `targets`). What is found out stays with the document (`plan`).

The executor is a subclass of graphql-core's (`executor`), which goes its own way only where it can tell that nothing
differs. Compiled code tries: on anything unusual it raises, and graphql-core does that list or object again from the
start, so nulls, errors and their paths are its own. That is why compiled code calls nothing but what may be called
again: attributes, functions that are declared as such, and loaders, which remember (`reads`, `loader`). Resolvers are
called as often as ever; in the same order too, unless something fails, which is done again after what runs beside it.

It knows graphql-core and nothing of Roster; `of_strawberry` tells it what Strawberry's fields declare.
"""
