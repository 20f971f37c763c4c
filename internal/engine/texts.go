package engine

import "encoding/binary"

// textTable holds the texts that the entries of one block have in common: names, ids of actors, mappings and requests. Each
// stands once in the block, behind the entries, which hold its number; nearly half of an entry would be such texts.
type textTable struct {
	list    []string
	numbers map[string]uint64
	recent  [textPlaces]uint64 // by place: the number of what was written there last, 0 for nothing
	size    int                // bytes that the list will take, about
}

// The places in an entry whose texts are shared. What stood in a place last is the likeliest to stand there next.
const (
	environmentText = iota
	actorText
	requestText
	eventText
	featureText
	mappingText
	currencyText
	poolText
	dimensionText // and those after it, for the first few dimensions

	textPlaces = dimensionText + 8
)

// append writes the number of a text, which stands in the given place.
func (t *textTable) append(b []byte, place int, text string) []byte {
	place = min(place, textPlaces-1)
	if n := t.recent[place]; n > 0 && t.list[n-1] == text {
		return binary.AppendUvarint(b, n)
	}
	n, known := t.numbers[text]
	if !known {
		n = t.add(text)
	}
	t.recent[place] = n
	return binary.AppendUvarint(b, n)
}

func (t *textTable) add(text string) uint64 {
	if t.numbers == nil {
		t.numbers = map[string]uint64{}
	}
	t.list = append(t.list, text)
	t.numbers[text] = uint64(len(t.list))
	t.size += len(text) + 1
	return uint64(len(t.list))
}

// reset empties the table for the next block.
func (t *textTable) reset() {
	clear(t.list)
	clear(t.numbers)
	*t = textTable{list: t.list[:0], numbers: t.numbers}
}

// The end of a stored block: the texts, and then where they begin.
const textOffsetBytes = 4

// seal appends the texts to the entries of a block.
func (t *textTable) seal(entries []byte) []byte {
	at := len(entries)
	b := binary.AppendUvarint(entries, uint64(len(t.list)))
	for _, text := range t.list {
		b = appendString(b, text)
	}
	return binary.LittleEndian.AppendUint32(b, uint32(at))
}

// unseal takes a stored block apart.
func unseal(data []byte) (entries []byte, texts []string, err error) {
	end := len(data) - textOffsetBytes
	if end < 0 {
		return nil, nil, errCorrupt
	}
	at := int(binary.LittleEndian.Uint32(data[end:]))
	if at > end {
		return nil, nil, errCorrupt
	}
	r := &reader{rest: data[at:end]}
	for range r.items() {
		texts = append(texts, r.string())
	}
	if len(r.rest) > 0 {
		r.fail()
	}
	return data[:at], texts, r.err
}
