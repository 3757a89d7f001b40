# python_asyncio.py idle|timer COUNT: KiB of memory while so many tasks wait for
# an event, or sleep

import asyncio
import gc
import re
import sys

kind, count = sys.argv[1], int(sys.argv[2])


def memory():
    gc.collect()
    with open("/proc/self/status") as status:
        return re.search(r"^VmRSS:\s*(\d+)", status.read(), re.M).group(1)


async def main():
    event = asyncio.Event()
    tasks = [asyncio.create_task(event.wait() if kind == "idle"
                                 else asyncio.sleep(1000))
             for _ in range(count)]
    await asyncio.sleep(0)
    print(memory())
    for task in tasks:
        task.cancel()


asyncio.run(main())
