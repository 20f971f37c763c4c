package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"time"
)

// lineUp is what a name among the servers stands for: a server on one or more nodes that share its data.
type lineUp struct {
	server string
	nodes  int
	routed bool // clients send the events of a customer to one node; else each request to the next one
}

// nodesMax is the most nodes of one server: more than a machine has cores for.
const nodesMax = 16

// NodeNames are the names of a server on several nodes, without and with routing by customer.
func NodeNames(server string, nodes int) []string {
	return []string{fmt.Sprintf("%s-%d-nodes", server, nodes), fmt.Sprintf("%s-%d-routed", server, nodes)}
}

// manyNodes is the form of NodeNames.
var manyNodes = regexp.MustCompile(`^(.+)-([0-9]{1,2})-(nodes|routed)$`)

// lineUpOf reads a name.
func lineUpOf(name string) lineUp {
	parts := manyNodes.FindStringSubmatch(name)
	if parts == nil {
		return lineUp{server: name, nodes: 1}
	}
	nodes, _ := strconv.Atoi(parts[2]) // the expression lets only digits through
	return lineUp{server: parts[1], nodes: nodes, routed: parts[3] == "routed"}
}

// validate refuses what cannot be started.
func (l lineUp) validate(database string) error {
	switch {
	case l.nodes == 1:
		return nil
	case l.nodes < 1 || l.nodes > nodesMax:
		return fmt.Errorf("nodes: want 1 to %d", nodesMax)
	case database == "":
		return errors.New("several nodes need a PostgreSQL database to share")
	}
	return nil
}

// routing answers which customers each node is sent when clients route. It is nil when they do not.
func (l lineUp) routing(customers int) ([][]uint32, error) {
	if !l.routed {
		return nil, nil
	}
	all := make([][]uint32, l.nodes)
	for i := range customers {
		node := nodeOf(customerID(i), l.nodes)
		all[node] = append(all[node], uint32(i))
	}
	for _, members := range all {
		if len(members) == 0 {
			return nil, fmt.Errorf("%d customers are too few to route to %d nodes", customers, l.nodes)
		}
	}
	return all, nil
}

// What a client must know to route as docs/scale.md says: the environment that the key of the bench opens, and how many
// shards a new database has.
const (
	routedEnvironment = "env_dev"
	routedShards      = 2
)

// nodeOf is where a client sends the events of a customer. Nodes meet in shards, so all customers of a shard go to one node.
func nodeOf(customer string, nodes int) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(routedEnvironment + "\x00" + customer)) // it cannot fail
	return int(h.Sum64() % routedShards % uint64(nodes))
}

// group is the started nodes of one server, with the first process of the database that they share, or 0.
type group struct {
	nodes    []*Server
	database int
}

// cpuTime answers the processor time that all of them and their database have used, as far as it is known.
func (g group) cpuTime() time.Duration {
	total := familyTime(g.database)
	for _, s := range g.nodes {
		total += cpuTime(s.PID)
	}
	return total
}

// stop drains every node.
func (g group) stop(ctx context.Context) error {
	var all error
	for _, s := range g.nodes {
		all = errors.Join(all, s.Stop(ctx))
	}
	return all
}

// first is the node that is asked what all of them know.
func (g group) first() *Server { return g.nodes[0] }
