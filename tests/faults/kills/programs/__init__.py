"""Programs that kill what they test at each of its steps, each in a process of its own.

`python -m tests.faults.kills.programs.saves` runs one with the embedded store. With the URL of an
SSM, it uses that. `pushes` needs the URL of an Amplify.
"""
