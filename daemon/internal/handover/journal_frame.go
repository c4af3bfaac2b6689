package handover

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// A frame is a record in the journal, with what it takes to find it again behind
// bytes that make no sense: a mark, the length and a checksum of what follows.
// The mark is no part of any text in UTF-8, so that no name that a client chose
// can look like a frame.
const (
	frameMark = "\xff\xfa"
	frameHead = len(frameMark) + 4 + 4
)

// maxRecord is the most bytes of a record in a frame or a message. The longest
// has two names of a file and an owner's, 4095 bytes each.
const maxRecord = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame appends a frame with the record that write appends.
func appendFrame(b []byte, write func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, frameMark...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = write(b)
	head, record := b[start+len(frameMark):], b[start+frameHead:]
	binary.LittleEndian.PutUint32(head, uint32(len(record)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(record, castagnoli))
	return b
}

// frames reads the frames of a journal.
type frames struct {
	in      *bufio.Reader
	done    int // bytes of in that the caller has had
	skipped int64
}

func newFrames(r io.Reader) *frames {
	return &frames{in: bufio.NewReaderSize(r, frameHead+maxRecord)}
}

// next gives the record of the next whole frame, until the next call. What is no
// frame is skipped byte for byte, for the next frame may begin anywhere in it.
// At the end it fails with io.EOF.
func (f *frames) next() ([]byte, error) {
	for {
		f.in.Discard(f.done) // was read already: cannot fail
		f.done = 0
		record, err := f.whole()
		switch {
		case err != nil:
			return nil, err
		case record != nil:
			f.done = frameHead + len(record)
			return record, nil
		}
		f.done = 1
		f.skipped++
	}
}

// whole looks whether a frame begins here. It gives nil when none does.
func (f *frames) whole() ([]byte, error) {
	head, err := f.in.Peek(frameHead)
	if err != nil && (err != io.EOF || len(head) == 0) {
		return nil, err
	}
	if len(head) < frameHead || string(head[:len(frameMark)]) != frameMark {
		return nil, nil
	}
	length := binary.LittleEndian.Uint32(head[len(frameMark):])
	if length == 0 || length > maxRecord {
		return nil, nil
	}
	sum := binary.LittleEndian.Uint32(head[len(frameMark)+4:])
	frame, err := f.in.Peek(frameHead + int(length))
	if err == io.EOF {
		return nil, nil
	}
	if err != nil || crc32.Checksum(frame[frameHead:], castagnoli) != sum {
		return nil, err
	}
	return frame[frameHead:], nil
}
