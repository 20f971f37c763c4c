// Package api speaks REST: it turns requests into use cases of package credits and their results into answers. It decides
// nothing itself. api/openapi.yaml is the contract, wire its types, routes.go the whole surface in one table.
//
// # How a request passes
//
// ServeHTTP finds the route (404 and 405 are JSON too), waits until memory holds what any node had committed before the
// request came (credits.Confirm), authenticates the key, which alone selects the environment, checks that the key may call
// the route, reads the body within its limit, and runs the handler. The handler returns what to answer, or an error;
// error.go is the only place that knows which error is which status. A panic is an internal error.
//
// # How a handler is written
//
// A handler is a method of server named after its operation, in the file of its resource, and has one line in routes.go,
// which says who may call it (a scope) and what is special about it (flags: body, batch, created, guarded and others):
//
//	func (s *server) updateFeature(c *call) (any, error) {
//		var in wire.FeatureUpdate
//		if err := c.decode(&in); err != nil {
//			return nil, err
//		}
//		changed, err := s.credits.UpdateFeature(c.ctx, c.env, c.actor(), c.path("id"), featureUpdate(&in))
//		if err != nil {
//			return nil, err
//		}
//		return wire.FeatureData{Data: featureOut(changed)}, nil
//	}
//
// Bodies: decode reads the body strictly into a wire struct; c.body is the raw text for handlers with a scanner of their
// own, and is reused once the handler has returned. A route without the flag body refuses one. Optional members that may
// be null are listed in nullables.go; null counts as absent there. In updates, patch and patchOf turn members into
// credits.Patch values, where null clears. Unions are one struct: check Type, and refuse members of the other variant.
//
// Queries: only a GET has parameters; of other methods any is refused before the handler runs. Every parameter is read from
// c.query(), which notes what was read, and done() refuses what was not. Empty parameters count as absent, lists may be
// comma-joined or repeated. A list handler reads filters, then page(), then done(), and answers with paged:
//
//	q := c.query()
//	filter := credits.FeatureFilter{ID: q.text("id"), Statuses: enums[wire.FeatureStatus, credits.FeatureStatus](q, "status")}
//	page := q.page()
//	if err := q.done(); err != nil {
//		return nil, err
//	}
//	data, pagination := paged(q, s.credits.Features(c.env, filter, page), featureOut)
//	return wire.FeaturePage{Data: data, Pagination: pagination}, nil
//
// Lists that are not made of credits.List use q.pagination with the numbers of the outermost rows. Cursors carry one
// number, and are bound to the environment, the path and the filters.
//
// Answers: a wire struct. Members without omitempty are always written: a nil slice becomes null, so lists that are not
// nullable must be made (make or paged do). orNull, timeOut and timeOrNull in convert.go turn empty domain values into null.
//
// Errors: return what the use case returned, or credits.Invalid(field, message) for what only the wire knows. The caller
// sees "field: message", so the message completes a sentence that begins with the field; it never repeats what the caller
// sent at length. A call that needs more than its route's scope, such as a check that also reserves, asks c.require.
//
// # How a handler is tested
//
// newTestAPI starts a whole server over a real database, with a clock that stands still. Its ok, refused and send check
// every exchange against the contract; walk reads a list both ways; catalog makes what most tests need.
//
// # Repeats
//
// See retry.go: an Idempotency-Key header on a POST, and the retries of clients that send no key, are answered with the
// first result. A use case that keeps keys of its own should be given c.effectKey when the body names no key: then a crash
// between the effect and its record cannot make the effect happen twice.
package api
