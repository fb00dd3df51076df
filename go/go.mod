module capbuf.dev/capbuf

go 1.24
