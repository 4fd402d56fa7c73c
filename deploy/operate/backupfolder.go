package operate

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// The files of a backup beside its streams.
const (
	manifestFile = "manifest.json"
	sumsFile     = "SHA256SUMS" // as sha256sum writes and checks it; of every other file
)

// writeManifest completes a backup.
func writeManifest(dir string, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, manifestFile), append(text, '\n')); err != nil {
		return err
	}
	files, err := backupFiles(dir)
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, name := range files {
		sum, err := fileSum(context.Background(), filepath.Join(dir, name), func(int) {})
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n", sum, name)
	}
	return writeWhole(filepath.Join(dir, sumsFile), sums.Bytes())
}

// backupFiles are the files that have sums, as paths within the folder.
func backupFiles(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if name != sumsFile && name != backupCursor {
			files = append(files, filepath.ToSlash(name))
		}
		return err
	})
	return files, err
}

// fileSum is the SHA-256 of a file in hex.
func fileSum(ctx context.Context, path string, read func(bytes int)) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // only read
	sum := sha256.New()
	for chunk := make([]byte, 1<<20); ; {
		n, err := file.Read(chunk)
		sum.Write(chunk[:n])
		read(n)
		switch {
		case errors.Is(err, io.EOF):
			return hex.EncodeToString(sum.Sum(nil)), nil
		case err != nil:
			return "", err
		case ctx.Err() != nil:
			return "", ctx.Err()
		}
	}
}

// OpenBackup reads the manifest of a backup, and makes sure that every file of it is
// as it was written. progress is called with the bytes that were read.
func OpenBackup(ctx context.Context, dir string, progress func(done, total int)) (Manifest, error) {
	var m Manifest
	sums, err := readSums(dir)
	if err != nil {
		return m, err
	}
	total, done := 0, 0
	for name := range sums {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return m, corrupt(dir, err)
		}
		total += int(info.Size())
	}
	for name, want := range sums {
		got, err := fileSum(ctx, filepath.Join(dir, name), func(n int) { done += n; progress(done, total) })
		if err != nil {
			return m, err
		}
		if got != want {
			return m, corrupt(dir, fmt.Errorf("%s has changed since it was written", name))
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, corrupt(dir, err)
	}
	for _, s := range m.Streams {
		if _, summed := sums[s.File]; !summed || !slices.Contains(StreamNames(), s.Name) {
			return m, corrupt(dir, fmt.Errorf("%s has no sum, or is no stream of this bridge", s.File))
		}
	}
	return m, nil
}

// readSums reads the sums: file → SHA-256 in hex. A name that leads out of the folder
// is refused.
func readSums(dir string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, sumsFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, advise(fmt.Errorf("backup: %s holds no finished backup", dir), "name the folder that `paybridge streams backup` was given, and that it finished; run that again to go on with it")
	}
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || !filepath.IsLocal(name) {
			return nil, corrupt(dir, fmt.Errorf("%s: %q is no sum of a file", sumsFile, lines.Text()))
		}
		sums[name] = sum
	}
	if sums[manifestFile] == "" {
		return nil, corrupt(dir, fmt.Errorf("%s: %s has no sum", sumsFile, manifestFile))
	}
	return sums, nil
}

// corrupt says that a backup is not to be trusted.
func corrupt(dir string, err error) error {
	return advise(fmt.Errorf("backup: %w", err), "this backup is damaged: `sha256sum --check "+sumsFile+"` in "+dir+" names each file; take another")
}
