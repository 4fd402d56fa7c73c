package provider

import "strings"

// Nearest is the known word that somebody may have meant who wrote name; "" where
// none is near: two letters away, one for short words.
func Nearest(name string, known []string) string {
	best, distance := "", 3
	if len(name) <= 3 {
		distance = 2
	}
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance is how many letters must be added, removed or changed.
func editDistance(a, b string) int {
	// The distances of the beginnings of b from the beginning of a seen so far.
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
