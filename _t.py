import sys,time; from pathlib import Path
t=time.perf_counter()
from console.lib.scanning.project import scan
from envvars_app.buildspec.uses import uses_in_build
t1=time.perf_counter()
p=scan(Path(sys.argv[1]), uses_in_build)
t2=time.perf_counter()
import resource
print(len(p.uses),p.files,len(p.problems),'import',round(t1-t,2),'scan',round(t2-t1,2), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024,'MB', 'cpu', time.process_time())
