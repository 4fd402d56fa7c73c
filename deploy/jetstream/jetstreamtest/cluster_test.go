package jetstreamtest_test

import (
	"testing"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// A cluster has three copies of what is stored, and goes on without the server that led.
func TestCluster(t *testing.T) {
	c := jetstreamtest.StartCluster(t)
	lost := c.Leader(t, jetstream.Webhooks)
	publish := func(from *jetstreamtest.Server) uint64 {
		t.Helper()
		ack, err := from.JetStream(t).Publish(t.Context(), "webhooks.pik.default", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		return ack.Sequence
	}
	publish(lost)
	c.Current(t)
	lost.Stop(t)
	next := c.Leader(t, jetstream.Webhooks)
	if next == lost {
		t.Error("a server that is stopped leads")
	}
	if sequence := publish(next); sequence != 2 {
		t.Errorf("after the loss of its leader the stream's next is %d", sequence)
	}
	lost.Restart(t)
	c.Current(t)
	drifts, err := jetstream.Check(t.Context(), lost.JetStream(t), lost.Streams)
	if err != nil || len(drifts) > 0 {
		t.Errorf("Check: %v, %v", drifts, err)
	}
	stream, err := lost.JetStream(t).Stream(t.Context(), jetstream.Webhooks)
	if err != nil {
		t.Fatal(err)
	}
	if info := stream.CachedInfo(); info.State.Msgs != 2 || info.Config.Replicas != 3 || len(info.Cluster.Replicas) != 2 {
		t.Errorf("%d messages, %d replicas: %+v", info.State.Msgs, info.Config.Replicas, info.Cluster)
	}
}
