package mapping

import "testing"

// TestAllocations bounds what PicPay's published example costs, decoded, mapped and
// encoded.
func TestAllocations(t *testing.T) {
	p := builtIn(t, "picpay")
	d := picpayDelivery()
	room := make([]byte, 0, 8<<10)
	got := testing.AllocsPerRun(100, func() {
		doc, dead := p.Decode(d)
		if dead != nil {
			t.Fatal(dead)
		}
		if _, err := p.Map(d, doc, 7)[0].Event.AppendStructured(room); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%.0f allocations", got)
	if got > 100 {
		t.Errorf("%.0f allocations, want at most 100", got)
	}
}

func BenchmarkPicPay(b *testing.B) {
	p := builtIn(b, "picpay")
	d := picpayDelivery()
	doc, dead := p.Decode(d)
	if dead != nil {
		b.Fatal(dead)
	}
	items := p.Map(d, doc, 7)
	steps := map[string]func(){
		"decode": func() { p.Decode(d) },
		"map":    func() { p.Map(d, doc, 7) },
		"encode": func() { items[0].Event.AppendStructured(make([]byte, 0, 4096)) },
		"all": func() {
			doc, _ := p.Decode(d)
			p.Map(d, doc, 7)[0].Event.AppendStructured(make([]byte, 0, 4096))
		},
	}
	for _, name := range []string{"decode", "map", "encode", "all"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				steps[name]()
			}
		})
	}
}

// BenchmarkCompile is what loading a pack costs.
func BenchmarkCompile(b *testing.B) {
	e := readPack(b, orders)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(e, Settings{}); err != nil {
			b.Fatal(err)
		}
	}
}
