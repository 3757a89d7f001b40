# python_asyncio.py timers|spawn|channel COUNT: microseconds of CPU time for each

import asyncio
import sys
import time

part, count = sys.argv[1], int(sys.argv[2])


async def timers():
    await asyncio.gather(*(asyncio.sleep(0.1 + i * 7919 % count / count)
                           for i in range(count)))


async def value(i):
    return i


async def spawn():
    tasks = [asyncio.create_task(value(i)) for i in range(count)]
    for i, task in enumerate(tasks):
        assert await task == i


async def channel():
    queue = asyncio.Queue(64)

    async def produce():
        for i in range(count):
            await queue.put(i)

    task = asyncio.create_task(produce())
    total = 0
    for _ in range(count):
        total += await queue.get()
    await task
    assert total == count * (count - 1) // 2


before = time.process_time()
asyncio.run({"timers": timers, "spawn": spawn, "channel": channel}[part]())
print("%.3f" % ((time.process_time() - before) / count * 1e6))
