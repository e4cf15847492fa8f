"""Holds every packet for a time; needs no netem in the kernel. usage: delay.py DEVICE MICROSECONDS

Makes the TAP device, and gives back to it what was sent to it, in the same order. Takes whole segments of TCP offloading, which are several packets, as one.
"""
import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
TAP_WITHOUT_PROTOCOL_WITH_OFFLOAD_HEADER = 0x0002 | 0x1000 | 0x4000
CHECKSUM_AND_TCP_SEGMENTS = 1 | 2 | 4
LARGEST = 10 + 14 + 65535

name, delay = sys.argv[1], float(sys.argv[2]) / 1e6
tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_PROTOCOL_WITH_OFFLOAD_HEADER))
fcntl.ioctl(tap, TUNSETOFFLOAD, CHECKSUM_AND_TCP_SEGMENTS)
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # ranks that wait busily must not hold it up

held = collections.deque()
while True:
    if select.select([tap], [], [], max(0, held[0][0] - time.monotonic()) if held else None)[0]:
        held.append((time.monotonic() + delay, os.read(tap, LARGEST)))
    while held and held[0][0] <= time.monotonic():
        os.write(tap, held.popleft()[1])
