package jetstreamtest

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"paybridge/deploy/jetstream"
)

// Cluster is three nats-servers in this process that are one bus, with the streams in as
// many copies. Each can be stopped and started again like a single [Server].
type Cluster struct {
	Servers []*Server
	URL     string // of all, separated by commas
}

// clustered is how many servers a cluster has: the fewest that survive the loss of one.
const clustered = 3

// StartCluster starts a cluster and makes the streams and the consumer. It stops when the
// test ends.
func StartCluster(t testing.TB, options ...Option) *Cluster {
	t.Helper()
	ports := freePorts(t)
	var routes []*url.URL
	for _, port := range ports {
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	c := &Cluster{}
	var urls []string
	for i, port := range ports {
		s := configure(t, append(options, Options(func(o *server.Options) {
			o.ServerName = fmt.Sprint("n", i+1)
			o.Cluster = server.ClusterOpts{Name: "tests", Host: "127.0.0.1", Port: port}
			o.Routes = slices.Clone(routes)
		})))
		s.Streams.Replicas = clustered
		s.Restart(t)
		t.Cleanup(func() { s.Stop(t) })
		c.Servers, urls = append(c.Servers, s), append(urls, s.URL)
	}
	c.URL = strings.Join(urls, ",")
	c.await(t, "a leader of all three", func() bool {
		return slices.ContainsFunc(c.Servers, func(s *Server) bool {
			return s.running.JetStreamIsLeader() && len(s.running.JetStreamClusterPeers()) == clustered
		})
	})
	if !c.Servers[0].bare {
		if _, err := jetstream.Apply(t.Context(), c.Servers[0].JetStream(t), c.Servers[0].Streams); err != nil {
			t.Fatalf("jetstreamtest: %v", err)
		}
	}
	return c
}

// Leader waits until a stream has a leader that runs, and returns it.
func (c *Cluster) Leader(t testing.TB, stream string) *Server {
	t.Helper()
	var leader *Server
	c.await(t, "a leader of "+stream, func() bool {
		for _, s := range c.Servers {
			if s.running != nil && s.running.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
				leader = s
				return true
			}
		}
		return false
	})
	return leader
}

// Current waits until every server that runs knows all that the cluster does, and has all
// that is stored in the streams.
func (c *Cluster) Current(t testing.TB) {
	t.Helper()
	c.await(t, "all copies", func() bool {
		return !slices.ContainsFunc(c.Servers, func(s *Server) bool {
			if s.running == nil {
				return false
			}
			lags := func(stream string) bool {
				return !s.running.JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, stream)
			}
			return !s.running.JetStreamIsCurrent() || slices.ContainsFunc([]string{jetstream.Webhooks, jetstream.Payments, jetstream.DeadLetters}, lags)
		})
	})
}

// Conn is a connection to any of the servers, as [Server.Conn] makes it to one.
func (c *Cluster) Conn(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, c.URL, options)
}

// await waits for what the servers do by themselves.
func (c *Cluster) await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("jetstreamtest: after %v the cluster does not have %s", patience, what)
		}
	}
}

// freePorts are ports that were free a moment ago: servers of a cluster must know each
// other's before they start.
func freePorts(t testing.TB) []int {
	t.Helper()
	ports := make([]int, clustered)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // together: no port is found twice
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}
