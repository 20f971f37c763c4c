package credits

// Patch is one member of an update. The zero Patch leaves the stored value alone; Set replaces it, and setting the zero
// value clears it (the wire's null).
type Patch[T any] struct {
	Sent bool
	To   T
}

// Set is a Patch that replaces the stored value.
func Set[T any](v T) Patch[T] { return Patch[T]{Sent: true, To: v} }

// apply writes the patch to its target, if it was sent.
func (p Patch[T]) apply(target *T) {
	if p.Sent {
		*target = p.To
	}
}

// orNil hides a half-made result behind its error.
func orNil[T any](v *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
