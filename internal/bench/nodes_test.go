package bench

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/bench/rival"
	pg "github.com/scrip-dev/scrip/test/postgres"
)

func TestNodeNames(t *testing.T) {
	// The names of several nodes say how many there are and whether clients route; other names mean one node.
	t.Parallel()
	got := map[string]lineUp{}
	for _, name := range append(NodeNames(Scrip, 3), Scrip, "scrip-2-nodes-more") {
		got[name] = lineUpOf(name)
	}
	want := map[string]lineUp{
		"scrip-3-nodes": {Scrip, 3, false}, "scrip-3-routed": {Scrip, 3, true}, "scrip": {Scrip, 1, false},
		"scrip-2-nodes-more": {"scrip-2-nodes-more", 1, false},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(lineUp{})); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for name, database := range map[string]string{"scrip-2-nodes": "", "scrip-0-nodes": "x", "scrip-17-routed": "x"} {
		if lineUpOf(name).validate(database) == nil {
			t.Errorf("%s on %q can be measured", name, database)
		}
	}
}

func TestRouting(t *testing.T) {
	// Every customer has one node, and no node has much more than its share.
	t.Parallel()
	all, err := lineUp{Scrip, 2, true}.routing(3000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint32]bool{}
	for node, members := range all {
		if len(members) < 1200 {
			t.Errorf("node %d has only %d customers", node, len(members))
		}
		for _, customer := range members {
			if seen[customer] || nodeOf(customerID(int(customer)), 2) != node {
				t.Errorf("customer %d is sent to node %d", customer, node)
			}
			seen[customer] = true
		}
	}
	if len(seen) != 3000 {
		t.Errorf("%d customers are routed", len(seen))
	}
	if all, err := (lineUp{Scrip, 2, false}).routing(5); all != nil || err != nil {
		t.Errorf("without routing: %v, %v", all, err)
	}
	if _, err := (lineUp{Scrip, 16, true}).routing(2); err == nil {
		t.Error("two customers are routed to 16 nodes")
	}
}

func TestRoutedEventsStayWithTheirNode(t *testing.T) {
	// A batch for a node is made of its customers only.
	t.Parallel()
	s := newSource(1, 1000)
	s.among = []uint32{7, 999}
	text, _ := s.batch(50, testTime)
	if n := bytes.Count(text, []byte("cust-000007")) + bytes.Count(text, []byte("cust-000999")); n != 50 {
		t.Errorf("%d of 50 events are about customers of the node", n)
	}
}

func TestRunMeasuresSeveralNodes(t *testing.T) {
	// Nodes share a database; every node is sent events, none is lost, and their figures stand beside those of one node.
	t.Parallel()
	names := append([]string{rival.Function}, NodeNames(rival.Function, 2)...)
	o := quick(t, nil, names...)
	o.Database = pg.Database(t)
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, c := range o.Cells {
			if report.Stages[0].rate(name, c) <= 0 {
				t.Errorf("%s at %s has no figure", name, c)
			}
		}
	}
}

func TestRefusalsOfNodesAreShown(t *testing.T) {
	// An event that a node could not take yet is sent again until it is taken, and the table says how often that was. A
	// single node has no reason to refuse: there it ends the run.
	t.Parallel()
	s := newStub()
	s.busy = 3
	o := quick(t, s, append([]string{Scrip}, NodeNames(Scrip, 2)...)...)
	o.Database, o.Servers = pg.Database(t), o.Servers[1:]
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if refused := report.Stages[0].find("scrip-2-routed", o.Cells[0]).Median.Refused; refused == 0 {
		t.Error("no refusal was counted")
	}
	var out bytes.Buffer
	if err := report.WriteTable(&out); err != nil || !strings.Contains(out.String(), "times that it could not yet") {
		t.Errorf("%v:\n%s", err, &out)
	}
	o = quick(t, s, Scrip)
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "answered 503") {
		t.Errorf("a single node that refuses: %v", err)
	}
}
