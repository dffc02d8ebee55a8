package datastore

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// compress moves a file into a zip archive of its own, the form in which k3s compresses snapshots.
func compress(from, to, name string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(target)
	entry, err := archive.Create(name)
	if err == nil {
		_, err = io.Copy(entry, source)
	}
	if err := errors.Join(err, archive.Close(), target.Close()); err != nil {
		return err
	}
	if err := os.Rename(to+".part", to); err != nil {
		return err
	}
	return os.Remove(from)
}

// decompress unpacks the one file of the archive into a folder and answers its path.
func decompress(from, folder string) (string, error) {
	archive, err := zip.OpenReader(from)
	if err != nil {
		return "", err
	}
	defer archive.Close()
	if len(archive.File) != 1 {
		return "", fmt.Errorf("%s holds %d files, a snapshot holds one", from, len(archive.File))
	}
	source, err := archive.File[0].Open()
	if err != nil {
		return "", err
	}
	defer source.Close()
	path := filepath.Join(folder, "decompressed-snapshot")
	return path, writeStream(path, source)
}
