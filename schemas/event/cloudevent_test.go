package event

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

// checkSDK compares what the SDK read with e.
func checkSDK(t interface{ Errorf(string, ...any) }, got ce.Event, e *Event) {
	if err := got.Validate(); err != nil {
		t.Errorf("the SDK finds it invalid: %v", err)
	}
	var w writer
	e.appendData(&w)
	for name, pair := range map[string][2]string{
		"specversion":     {got.SpecVersion(), "1.0"},
		"id":              {got.ID(), e.ID},
		"source":          {got.Source(), e.Source},
		"type":            {got.Type(), e.Type},
		"subject":         {got.Subject(), e.Subject},
		"datacontenttype": {got.DataContentType(), "application/json"},
		"dataschema":      {got.DataSchema(), e.DataSchema},
		"time":            {got.Time().Format(time.RFC3339Nano), e.Time.Format(time.RFC3339Nano)},
		"data":            {string(got.Data()), string(w.buf)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q to the SDK, want %q", name, pair[0], pair[1])
		}
	}
	want := map[string]any{}
	for name, value := range map[string]string{
		"provider": e.Provider, "paymentkind": string(e.Payment.Kind), "paymentstate": string(e.Payment.State),
		"sequence": e.Sequence, "partitionkey": e.PartitionKey, "rawdigest": e.RawDigest, "authscheme": e.AuthScheme,
		"traceparent": e.Traceparent, "replayid": e.ReplayID, "replaces": e.Replaces,
	} {
		if value != "" {
			want[name] = value
		}
	}
	if !reflect.DeepEqual(got.Extensions(), want) {
		t.Errorf("extensions are %v to the SDK, want %v", got.Extensions(), want)
	}
}

func TestTheSDKReadsOurs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent().Draw(t, "event")
		data, err := e.AppendStructured(nil)
		if err != nil {
			t.Fatal(err)
		}
		var read ce.Event
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		checkSDK(t, read, &e)
		made, err := e.CloudEvent()
		if err != nil {
			t.Fatal(err)
		}
		checkSDK(t, made, &e)
	})
}

func TestWeReadTheSDKs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent().Draw(t, "event")
		made, err := e.CloudEvent()
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(nats.Header{"Content-Type": {ce.ApplicationCloudEventsJSON}}, data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		// encoding/json compacts native on the SDK's way; its content is the same.
		e.RawDigest = "sha256-other"
		if e.Native != nil && !SameContent(got, e) {
			t.Fatalf("native %s, want %s", got.Native, e.Native)
		}
		e.Native, e.RawDigest, e.NativeType, e.SourceName = got.Native, got.RawDigest, "", ""
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("\n got %#v\nwant %#v", got, e)
		}
	})
}

// The SDK has a URI parser of its own, which knows more than the characters.
func TestTheSDKRefusesWhatItCannotRead(t *testing.T) {
	e := testEvent()
	e.Source = "http://["
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.CloudEvent(); err == nil {
		t.Error("a source that is no URI to the SDK is taken")
	}
}
