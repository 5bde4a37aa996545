import { Sampler } from "/work/main/harness/rl/sampler.ts";
import { parseModelConfig } from "/work/main/harness/model/config.ts";
import { initialWeights, parameterLayout } from "/work/main/harness/model/layout.ts";
import { chooseRuntime } from "/work/main/harness/runtime/choose.ts";
import { LocalRuntime } from "/work/main/harness/runtime/session.ts";
import { residentWeights } from "/work/main/harness/model/transformer.ts";
import { Learner } from "/work/main/harness/rl/learner.ts";
import { AdamW } from "/work/main/harness/rl/optimizer.ts";
import { defaultConfig } from "/work/main/harness/config_options.ts";
import { stream } from "/work/main/harness/base/prng.ts";
import { weightsDigest } from "/work/main/harness/model/policy.ts";
const smol = Deno.args[0]==="smol";
const config = parseModelConfig(smol?{architectures:["LlamaForCausalLM"],model_type:"llama",hidden_act:"silu",vocab_size:49152,hidden_size:576,num_hidden_layers:30,num_attention_heads:9,num_key_value_heads:3,intermediate_size:1536,rms_norm_eps:1e-5,max_position_embeddings:2048,tie_word_embeddings:true,rope_theta:10000}:{architectures:["LlamaForCausalLM"],model_type:"llama",hidden_act:"silu",vocab_size:512,hidden_size:128,num_hidden_layers:4,num_attention_heads:4,num_key_value_heads:4,intermediate_size:384,rms_norm_eps:1e-5,max_position_embeddings:256,tie_word_embeddings:true,rope_theta:10000,initializer_range:0.1},"x");
for (const threads of [1,2]) {
const w = initialWeights(config, 0);
const rt = chooseRuntime("cpu",threads,w.layout.size);
const s = new Sampler(rt, config, [-1], 112);
const P=smol?2:8,G=8,N=smol?64:48;
const rl={...defaultConfig.rl,maxPromptTokens:48,maxCompletionTokens:N,microBatch:Number(Deno.args[1]??0)};
const learner=new Learner(rt,config,w,rl,null); const opt=await AdamW.create(new LocalRuntime({device:"cpu",threads:1}),w.layout.size,rl);
const prompts=Array.from({length:P},(_,p)=>Int32Array.from({length:48},(_,i)=>(i*7919+p*31)%512));
const ts=[],us=[]; let rep;
for(let i=0;i<(smol?2:8);i++){ let t=performance.now(); const r=await s.generate(learner.resident,prompts,{group:G,maxTokens:N,sampling:{greedy:false,temperature:1,topK:0,topP:1},random:(p,g)=>stream(0,"rollout",i,p,g)}); ts.push(performance.now()-t); 
 t=performance.now(); rep=await learner.update(prompts.map((prompt,p)=>({prompt,samples:r[p]!.map((d,g)=>({...d,advantage:g%2?1:-1,weight:1/(64*48)}))})),opt,1e-4); us.push(performance.now()-t); }
const m=[...ts].sort((a,b)=>a-b)[ts.length>>1]!;
console.log("threads",threads,"gen",ts.map(x=>x.toFixed(0)).join(" "),"tok/s",(P*G*N/m*1000).toFixed(0),"upd",us.map(x=>x.toFixed(0)).join(" "),JSON.stringify(rep),weightsDigest(w).slice(0,12));
await rt.dispose();
}
Deno.exit(0);
