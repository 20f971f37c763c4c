// Package contract checks HTTP exchanges against api/openapi.yaml. It is for tests only and must not be imported by
// anything that ends up in the program.
//
// Every answer must match its operation: a status that is listed, a JSON body, all required members, no member that is
// not listed. A request must match only when it was accepted; sending rubbish is what many tests are about.
package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Contract is the loaded openapi.yaml. It is safe for concurrent use.
type Contract struct {
	doc *openapi3.T
	mux *http.ServeMux // matches like the server does; its handlers are never called
}

// Operation is one entry of the contract. Path is written as in the contract, which is also how http.ServeMux wants it.
type Operation struct {
	Method string
	Path   string
	ID     string
}

// Pattern is the operation as a http.ServeMux pattern, for example "GET /api/v1/credits/grants/{id}".
func (o Operation) Pattern() string { return o.Method + " " + o.Path }

// Exchange is one request and its answer, bodies read to the end. An absent body is nil.
type Exchange struct {
	Request      *http.Request // its Body is not read
	RequestBody  []byte
	Status       int
	Header       http.Header
	ResponseBody []byte
}

var load = sync.OnceValues(loadFromRepository)

// New returns the contract of this repository, loaded once per test binary. It fails t when the file is missing or
// is not valid OpenAPI 3.1.
func New(t testing.TB) *Contract {
	t.Helper()
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Check fails t, without stopping it, when the exchange breaks the contract.
func (c *Contract) Check(t testing.TB, req *http.Request, reqBody []byte, status int, header http.Header, respBody []byte) {
	t.Helper()
	err := c.Verify(Exchange{Request: req, RequestBody: reqBody, Status: status, Header: header, ResponseBody: respBody})
	if err != nil {
		t.Errorf("%s %s → %d breaks the contract: %v\nrequest:  %s\nresponse: %s",
			req.Method, req.URL, status, err, clip(reqBody), clip(respBody))
	}
}

// Verify says how the exchange breaks the contract, or nil. A path or method that the contract does not know must be
// refused with 404 or 405 and an ordinary error body.
func (c *Contract) Verify(x Exchange) error {
	req := x.Request.Clone(context.Background())
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(x.RequestBody)), int64(len(x.RequestBody))
	route, params := c.match(req)
	if route == nil {
		return c.verifyUnknown(x)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: req, Route: route, PathParams: params,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus: true,
			SkipSettingDefaults:   true,
		},
	}
	if x.Status/100 == 2 {
		if err := verifyQuery(req, route); err != nil {
			return fmt.Errorf("accepted request: %w", err)
		}
		if err := openapi3filter.ValidateRequest(req.Context(), in); err != nil {
			return fmt.Errorf("accepted request: %w", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.Status, Header: x.Header, Options: in.Options,
	}
	out.SetBodyBytes(x.ResponseBody)
	return openapi3filter.ValidateResponse(req.Context(), out)
}

// Operations lists the contract, ordered by path and method.
func (c *Contract) Operations() []Operation {
	var ops []Operation
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			ops = append(ops, Operation{Method: method, Path: path, ID: op.OperationID})
		}
	}
	slices.SortFunc(ops, func(a, b Operation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return ops
}

// match finds the operation of a request and the values in its path, or nil.
func (c *Contract) match(req *http.Request) (*routers.Route, map[string]string) {
	_, pattern := c.mux.Handler(req)
	method, path, _ := strings.Cut(pattern, " ")
	item := c.doc.Paths.Value(path)
	if item == nil {
		return nil, nil
	}
	params := map[string]string{}
	values := strings.Split(req.URL.EscapedPath(), "/")
	for i, segment := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok && i < len(values) {
			value, _ := url.PathUnescape(values[i])
			params[strings.TrimSuffix(name, "}")] = value
		}
	}
	return &routers.Route{
		Spec: c.doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method),
	}, params
}

// verifyUnknown judges the answer to a request that no operation describes.
func (c *Contract) verifyUnknown(x Exchange) error {
	if x.Status != http.StatusNotFound && x.Status != http.StatusMethodNotAllowed {
		return errors.New("not an operation of the contract")
	}
	value, err := decode(x.ResponseBody)
	if err != nil {
		return err
	}
	return c.doc.Components.Schemas["Error"].Value.VisitJSON(value)
}

// verifyQuery refuses query parameters that the operation does not list; the validator ignores them.
func verifyQuery(req *http.Request, route *routers.Route) error {
	for key := range req.URL.Query() {
		name, _, _ := strings.Cut(key, "[")
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("query parameter %q is not in the contract", key)
		}
	}
	return nil
}

// loadFromRepository finds the repository's root above the working directory, which in tests is that of the package.
func loadFromRepository() (*Contract, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return loadFile(filepath.Join(dir, "api", "openapi.yaml"))
		}
		if dir == filepath.Dir(dir) {
			return nil, errors.New("contract: no go.mod above the working directory")
		}
	}
}

// loadFile loads and validates a contract. The document is then relabelled as OpenAPI 3.0: for 3.1 the validator compiles
// the schemas anew for every body, which is seventy times slower, and its 3.0 mode honours every keyword we use
// (TestContractKeywords refuses those it would ignore).
func loadFile(path string) (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("contract: load: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("contract: invalid: %w", err)
	}
	doc.OpenAPI = "3.0.3"
	c := &Contract{doc: doc, mux: http.NewServeMux()}
	for _, op := range c.Operations() {
		c.mux.Handle(op.Pattern(), http.NotFoundHandler())
	}
	return c, nil
}

// clip keeps failure messages readable.
func clip(body []byte) []byte {
	const most = 2000
	if len(body) > most {
		return append(body[:most:most], "…"...)
	}
	return body
}

// Nullables lists, by schema, the optional members of request bodies that may be null and that the wire types do not mark.
func (c *Contract) Nullables() map[string][]string {
	found := map[string][]string{}
	seen := map[*openapi3.Schema]bool{}
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.RequestBody != nil {
				collectNullables(op.RequestBody.Value.Content["application/json"].Schema, found, seen)
			}
		}
	}
	return found
}

// collectNullables walks a schema and everything below it.
func collectNullables(ref *openapi3.SchemaRef, found map[string][]string, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	schema := ref.Value
	seen[schema] = true
	name := ref.Ref[strings.LastIndex(ref.Ref, "/")+1:]
	for member, property := range schema.Properties {
		marked, _ := property.Value.Extensions["x-go-type"].(string)
		if nullable(property.Value) && !slices.Contains(schema.Required, member) && !strings.HasPrefix(marked, "nullable.") {
			found[name] = append(found[name], member)
		}
		collectNullables(property, found, seen)
	}
	collectNullables(schema.Items, found, seen)
	for _, variant := range slices.Concat(schema.AnyOf, schema.OneOf, schema.AllOf) {
		collectNullables(variant, found, seen)
	}
}

// nullable tells whether a schema lists null among its types.
func nullable(schema *openapi3.Schema) bool {
	if schema.Type != nil && slices.Contains(*schema.Type, "null") {
		return true
	}
	return slices.ContainsFunc(slices.Concat(schema.AnyOf, schema.OneOf), func(v *openapi3.SchemaRef) bool {
		return v.Value.Type != nil && slices.Contains(*v.Value.Type, "null")
	})
}
