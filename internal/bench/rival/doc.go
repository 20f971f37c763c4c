// Package rival holds the servers that Scrip is measured beside. They answer the same request as Scrip's event endpoint,
// over the same kind of HTTP server, and answer only once what they were told is on stable storage.
//
//   - Usual is the service most teams write: SQL on SQLite or PostgreSQL, one transaction per request, each event
//     deduplicated by a unique index, burned from the customer's grants in order, written to a ledger, added to a balance and
//     to an hourly rollup, with the indexes such tables need. On PostgreSQL the statements of an event are pipelined and all
//     updates leave the indexes alone.
//   - Batched is the same schema and the same result, at its best: one transaction per request that reads everything first,
//     decides in memory and writes everything last; with statements of many rows on SQLite, in two round trips on PostgreSQL.
//   - Function is the same schema and the same result as one stored function of PostgreSQL: one round trip per request.
//   - Floor decodes the events, appends them to a file and syncs it, one sync for all requests that wait. It keeps no
//     balance; nothing that keeps its word can be faster on the same disk.
//
// None of them may be made slower to flatter Scrip: a change that makes one faster is welcome. They know no credit rules
// beyond what their figures need, so nothing but the bench may build on them.
package rival
