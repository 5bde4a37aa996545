import { pretrain } from "./harness/experiment/pretrain.ts";
const t=performance.now();
await pretrain(Deno.args[0]!, {folder:Deno.args[1]!,work:"/work/aux/pre",seed:0,threads:2},(p)=>{ if(p.step%20===0||p.step<3) console.log(p.stage,p.step,p.loss.toFixed(4),((performance.now()-t)/1000).toFixed(0)+"s"); });
