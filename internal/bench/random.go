package bench

// random is a small fixed generator (SplitMix64): the same seed gives the same events on every machine and Go release.
type random uint64

// next answers 64 even bits.
func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// seedOf mixes numbers into one seed, so that every client of every cell draws its own events.
func seedOf(parts ...uint64) uint64 {
	var r random
	for _, part := range parts {
		r = random(r.next() ^ part)
	}
	return r.next()
}
