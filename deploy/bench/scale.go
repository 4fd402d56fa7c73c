package main

import "fmt"

func scaleName(program string, stored int) string {
	return fmt.Sprintf("%s, %s stored, against 10 k stored", program, thousands(stored))
}

// thousands is a round number as people say it.
func thousands(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%d k", n/1000)
	default:
		return fmt.Sprint(n)
	}
}

func scaleRows() []*row {
	var rows []*row
	for _, stored := range []int{1_000_000, 5_000_000} {
		for _, program := range []string{"ingress", "normalizer"} {
			rows = append(rows, &row{what: fmt.Sprintf("%s, %s stored", program, thousands(stored)), theirs: "10 k stored", ours: program, kind: scaled, size: 2 * KB, conns: 64})
		}
	}
	return rows
}
