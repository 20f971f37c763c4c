package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oapi-codegen/nullable"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/strictjson"
)

type color string

func (c color) Valid() bool { return c == "RED" || c == "BLUE" }

type inner struct {
	X amount.Amount `json:"x"`
}

type body struct {
	Name   string                     `json:"name"`
	Count  *int                       `json:"count,omitempty"`
	Email  *string                    `json:"email"`
	Color  *color                     `json:"color,omitempty"`
	Price  *amount.Amount             `json:"price,omitempty"`
	At     *time.Time                 `json:"at,omitempty"`
	List   []inner                    `json:"list,omitempty"`
	Texts  map[string]string          `json:"texts,omitempty"`
	Dims   map[string]json.RawMessage `json:"dims,omitempty"`
	Clear  nullable.Nullable[string]  `json:"clear,omitempty"`
	Loose  *string                    `json:"loose,omitempty"`
	Active *bool                      `json:"active,omitempty"`
}

func decode(text string) (body, error) {
	d := strictjson.NewDecoder(strictjson.Nullables{"body": {"loose"}})
	var b body
	return b, d.Decode([]byte(text), &b)
}

func ptr[T any](v T) *T { return &v }

func TestDecode(t *testing.T) {
	// A body that keeps the contract fills every kind of member from its literal text.
	t.Parallel()
	d := strictjson.NewDecoder(strictjson.Nullables{"body": {"loose"}})
	var got body
	err := d.Decode([]byte(` {"name":"a\u00e9\ud83d\ude00\n","count":1e2,"email":null,"color":"RED","price":"1.50","at":"2026-01-02T03:04:05.5+01:00",
		"list":[{"x":0.000000001},{"x":1e3}],"texts":{"k":"v"},"dims":{"a":1.50,"b":"t","c":true},"clear":null,"loose":null,"active":false} `), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := body{
		Name: "aé😀\n", Count: ptr(100), Color: ptr(color("RED")), Price: ptr(must(t, "1.5")),
		At:    ptr(time.Date(2026, 1, 2, 2, 4, 5, 5e8, time.UTC)),
		List:  []inner{{must(t, "0.000000001")}, {must(t, "1000")}},
		Texts: map[string]string{"k": "v"},
		Dims:  map[string]json.RawMessage{"a": json.RawMessage("1.50"), "b": json.RawMessage(`"t"`), "c": json.RawMessage("true")},
		Clear: nullable.NewNullNullable[string](), Active: ptr(false),
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b amount.Amount) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func must(t *testing.T, text string) amount.Amount {
	t.Helper()
	a, err := amount.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestDecodeRefuses(t *testing.T) {
	// Everything that two parsers could read differently, or that breaks the contract, is refused with its path.
	t.Parallel()
	const ok = `"name":"a","email":null`
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, test := range map[string]struct{ text, path string }{
		"empty":                {``, ""},
		"cut short":            {`{"name":"a"`, "name"},
		"not an object":        {`[]`, ""},
		"null":                 {`null`, ""},
		"trailing data":        {`{` + ok + `} {}`, ""},
		"trailing comma":       {`{` + ok + `,}`, ""},
		"leading comma":        {`{,` + ok + `}`, ""},
		"comment":              {`{` + ok + `/* */}`, "email"},
		"required":             {`{"email":null}`, "name"},
		"required but null":    {`{"name":null,"email":null}`, "name"},
		"required nested":      {`{` + ok + `,"list":[{"x":1},{}]}`, "list[1].x"},
		"unknown":              {`{` + ok + `,"other":1}`, "other"},
		"case variant":         {`{` + ok + `,"Count":1}`, "Count"},
		"duplicate":            {`{` + ok + `,"name":"b"}`, "name"},
		"escaped duplicate":    {`{` + ok + `,"n\u0061me":"b"}`, "name"},
		"duplicate in a map":   {`{` + ok + `,"texts":{"a":"1","a":"2"}}`, "texts.a"},
		"wrong type":           {`{"name":1,"email":null}`, "name"},
		"wrong type nested":    {`{` + ok + `,"list":[{"x":true}]}`, "list[0].x"},
		"object for a scalar":  {`{` + ok + `,"dims":{"a":{"b":1}}}`, "dims.a"},
		"null dimension":       {`{` + ok + `,"dims":{"a":null}}`, "dims.a"},
		"null not allowed":     {`{` + ok + `,"count":null}`, "count"},
		"fraction for int":     {`{` + ok + `,"count":1.5}`, "count"},
		"huge int":             {`{` + ok + `,"count":99999999999999999999}`, "count"},
		"unlisted value":       {`{` + ok + `,"color":"red"}`, "color"},
		"amount digits":        {`{` + ok + `,"price":0.0000000001}`, "price"},
		"amount range":         {`{` + ok + `,"price":1e15}`, "price"},
		"amount words":         {`{` + ok + `,"price":"five"}`, "price"},
		"amount in quotes":     {`{` + ok + `,"price":"\"5\""}`, "price"},
		"NaN":                  {`{` + ok + `,"price":NaN}`, "price"},
		"leading zero":         {`{` + ok + `,"price":01}`, "price"},
		"plus sign":            {`{` + ok + `,"price":+1}`, "price"},
		"bare point":           {`{` + ok + `,"price":1.}`, "price"},
		"endless number":       {`{` + ok + `,"price":` + strings.Repeat("1", 65) + `}`, "price"},
		"date":                 {`{` + ok + `,"at":"2026-01-02"}`, "at"},
		"date with comma":      {`{` + ok + `,"at":"2026-01-02T00:00:00,5Z"}`, "at"},
		"date without zone":    {`{` + ok + `,"at":"2026-01-02T00:00:00"}`, "at"},
		"thirteenth month":     {`{` + ok + `,"at":"2026-13-02T00:00:00Z"}`, "at"},
		"invalid UTF-8":        {`{"name":"` + "\xff" + `","email":null}`, "name"},
		"invalid UTF-8 in key": {`{"` + "\xff" + `":1}`, ""},
		"NUL":                  {`{"name":"a\u0000","email":null}`, "name"},
		"raw control":          {"{\"name\":\"a\tb\",\"email\":null}", "name"},
		"lone surrogate":       {`{"name":"\ud800","email":null}`, "name"},
		"reversed surrogates":  {`{"name":"\ude00\ud83d","email":null}`, "name"},
		"bad escape":           {`{"name":"\x","email":null}`, "name"},
		"unquoted key":         {`{name:"a"}`, ""},
		"single quotes":        {`{'name':'a'}`, ""},
		"byte order mark":      {"\ufeff{}", ""},
		"long key":             {`{"` + strings.Repeat("k", strictjson.KeyBytesMax+1) + `":1}`, ""},
		"long text":            {`{"name":"` + strings.Repeat("k", strictjson.TextBytesMax+1) + `","email":null}`, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(test.text)
			var refused *strictjson.Error
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if refused.Path != test.path || refused.Message == "" {
				t.Errorf("refused at %q: %s; want it at %q", refused.Path, refused.Message, test.path)
			}
			if len(refused.Error()) > 400 {
				t.Errorf("the error echoes too much: %s", refused)
			}
		})
	}
	if _, err := strictjson.Canonical([]byte(deep)); err == nil {
		t.Error("40 levels were accepted")
	}
	if _, err := strictjson.Canonical([]byte(`{"a":{"b":1,"b":1}}`)); err == nil {
		t.Error("Canonical accepts a repeated member")
	}
}

func TestCanonical(t *testing.T) {
	// Bodies that mean the same have one normal form; others have not.
	t.Parallel()
	for name, test := range map[string]struct {
		a, b string
		same bool
	}{
		"order and space": {`{"a":1,"b":[true,null]}`, "{ \"b\" : [ true , null ] , \"a\" : 1 }", true},
		"number spelling": {`[1,10,0.5,-0,1e3]`, `[1.0,1e1,5e-1,0,1000]`, true},
		"text spelling":   {`["\u0061\/"]`, `["a/"]`, true},
		"other number":    {`[1]`, `[1.1]`, false},
		"other sign":      {`[1]`, `[-1]`, false},
		"text not number": {`["1"]`, `[1]`, false},
		"list order":      {`[1,2]`, `[2,1]`, false},
	} {
		a, errA := strictjson.Canonical([]byte(test.a))
		b, errB := strictjson.Canonical([]byte(test.b))
		if errA != nil || errB != nil || (string(a) == string(b)) != test.same {
			t.Errorf("%s: %s (%v) and %s (%v)", name, a, errA, b, errB)
		}
	}
}

func TestAppend(t *testing.T) {
	// Answers have plain amounts, times in milliseconds or exact microseconds, escaped texts and ordered maps.
	t.Parallel()
	type answer struct {
		Amount   amount.Amount     `json:"amount"`
		At       time.Time         `json:"at"`
		Exact    *time.Time        `json:"exact"`
		Gone     *string           `json:"gone,omitempty"`
		Null     *string           `json:"null"`
		Metadata map[string]string `json:"metadata"`
		Texts    map[string]string `json:"texts"`
		List     []int64           `json:"list"`
		None     []string          `json:"none"`
		Any      any               `json:"any"`
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	got := string(strictjson.Append(nil, answer{
		Amount: must(t, "1e-9"), At: at, Exact: ptr(at.Add(1500 * time.Microsecond)), Texts: map[string]string{"b": "<\"\\\n\x01\xff>", "a": "é"},
		List: []int64{-1, 2}, Any: inner{must(t, "-2.50")},
	}))
	want := `{"amount":0.000000001,"at":"2026-01-02T02:04:05.000Z","exact":"2026-01-02T02:04:05.001500Z","null":null,"metadata":{},` +
		`"texts":{"a":"é","b":"<\"\\\n\u0001` + "\ufffd" + `>"},"list":[-1,2],"none":null,"any":{"x":-2.5}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !json.Valid([]byte(got)) {
		t.Error("the answer is not JSON")
	}
}

func FuzzDecode(f *testing.F) {
	// Whatever is accepted, encoding/json accepts too, with the same meaning; nothing panics.
	f.Add([]byte(`{"name":"a","email":null,"list":[{"x":1}],"texts":{"k":"\ud83d\ude00"},"dims":{"a":1e5}}`))
	f.Add([]byte(`{"name":"\u0000"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := strictjson.NewDecoder(nil)
		var ours, theirs body
		if d.Decode(data, &ours) != nil {
			return
		}
		if err := json.Unmarshal(data, &theirs); err != nil {
			t.Skip() // amounts and whole numbers have their own grammar
		}
		if ours.Name != theirs.Name || len(ours.List) != len(theirs.List) || !cmp.Equal(ours.Texts, theirs.Texts) {
			t.Errorf("read %+v, encoding/json reads %+v", ours, theirs)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	// What has a normal form is JSON, and the normal form, where it can be read again, is its own.
	f.Add([]byte(`{"a":[1,-0.50e2,"x\u0041"],"b":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := strictjson.Canonical(data)
		if err != nil {
			return
		}
		twice, err := strictjson.Canonical(once)
		if err == nil && string(once) != string(twice) { // written out, an exponent can pass the bound of numbers
			t.Errorf("%s became %s, then %s (%v)", data, once, twice, err)
		}
		if !json.Valid(data) {
			t.Errorf("%q is not JSON", data)
		}
	})
}
