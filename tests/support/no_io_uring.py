#!/usr/bin/python3
"""no_io_uring.py COMMAND...: run it where the kernel forbids io_uring, as many containers do."""
import ctypes
import os
import struct
import sys

IO_URING_SETUP = 425                    # on every architecture, include/uapi/asm-generic/unistd.h
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, EPERM = 0x7fff0000, 0x00050001   # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO | EPERM

PROGRAM = b"".join(struct.pack("HBBI", *step) for step in (
    (LOAD_WORD, 0, 0, 0),               # struct seccomp_data begins with the call's number
    (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
    (RETURN, 0, 0, EPERM),
    (RETURN, 0, 0, ALLOW)))


class Filter(ctypes.Structure):
    """struct sock_fprog of <linux/filter.h>."""
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    filter_ = Filter(len(PROGRAM) // 8, PROGRAM)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_)) != 0:
        sys.exit(f"no_io_uring.py: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
